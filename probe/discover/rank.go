package discover

import (
	"cmp"
	"slices"
)

// rank orders the candidates: what was seen to work before what was not
// verified before what does not work; within these by the rank of the source.
func (f *finds) rank() {
	slices.SortStableFunc(f.candidates, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(a.class(), b.class()), cmp.Compare(a.rank, b.rank), cmp.Compare(a.order, b.order))
	})
}

func (c Candidate) class() int {
	switch {
	case c.IsVerified():
		return 0
	case c.Verified == nil && len(c.Missing) == 0:
		return 1
	case c.Verified == nil:
		return 2
	}
	return 3
}

// demote puts what the domain publishes behind the provider that its MX
// belongs to, where that is another one: a domain that has moved often leaves
// its old records behind.
func (s *search) demote(f *finds) {
	p, ok := s.world.Catalogue.Get(s.mx.seen().provider)
	if !ok || len(p.Endpoints) == 0 {
		return
	}
	for i := range f.candidates {
		c := &f.candidates[i]
		if c.rank < rankMX && c.rank != rankListed && !c.Listed && !s.belongs(c.Host, p) {
			c.rank = rankElsewhere
			f.elsewhere = append(f.elsewhere, *c)
		}
	}
}
