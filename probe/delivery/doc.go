// Package delivery follows a message into a mailbox by IMAP, and says how it
// looked when it arrived: where, how late, over which servers, and what they
// found out about its sender. For the commands that send a message.
//
// A mailbox may hold a hundred thousand messages of somebody else: the message
// is searched for by its token and no other one is looked at.
package delivery
