package probe

import (
	"net/netip"
	"slices"
)

// sortSteps brings steps into the plan's order and, within a step, into the
// order of the resolver, whatever finished first.
func (r *Result) sortSteps() {
	order := r.addressOrder()
	slices.SortStableFunc(r.Steps, func(a, b StepResult) int {
		if pa, pb := r.planIndex(a.ID), r.planIndex(b.ID); pa != pb {
			return pa - pb
		}
		return order[hostOf(a.Address)] - order[hostOf(b.Address)]
	})
}

func (r *Result) planIndex(id StepID) int {
	if i := slices.Index(r.planned, id); i >= 0 {
		return i
	}
	return len(r.planned)
}

// addressOrder is the order of the addresses in the dns step.
func (r *Result) addressOrder() map[string]int {
	order := map[string]int{}
	for _, step := range r.Steps {
		e, ok := step.Evidence.(*DNSEvidence)
		if !ok {
			continue
		}
		for i, a := range e.Addresses {
			order[a.Address] = i + 1
		}
	}
	return order
}

func hostOf(address Maybe) string {
	a, err := netip.ParseAddrPort(string(address))
	if err != nil {
		return ""
	}
	return a.Addr().String()
}
