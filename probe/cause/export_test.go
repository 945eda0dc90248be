package cause

// Fresh gives the built-in base before any pattern is compiled.
func Fresh() *Base { return New(entries, services, wordings...) }
