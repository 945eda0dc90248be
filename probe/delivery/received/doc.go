// Package received reads a message as it arrived: the stamps of the servers on
// its way, what they found out about its sender, the fields that tell of
// redirecting, and what is attached. For whoever has to say how a message came.
//
// Messages are other people's: broken, cut off, in a wrong charset, hostile or
// very large. Reading never fails for what stands in one; what is kept is
// bounded, and free of control characters.
package received
