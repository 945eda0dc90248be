package cause

import "slices"

// A pasted text shows less than a check: often neither the step nor the port.
// What it does not show must not rule a cause out, nor pass for seen. So a
// rule may assume some of it, and then states less than it would: by one
// confidence for an assumption.

// isPasted tells whether the facts were read out of a text.
func (v *view) isPasted() bool { return v.f.Seen[Pasted] }

// mayAssume tells whether what the text does not show may be taken for given.
// What is to be done is not: a port to change must be known.
func (v *view) mayAssume() bool { return v.isPasted() && !v.strict }

// holdsSurely tells whether a condition holds without any assumption.
func (v *view) holdsSurely(w *When) bool {
	if v == nil {
		return true
	}
	v.strict = true
	defer func() { v.strict = false }()
	return v.holds(w)
}

// fitsStep: where a text does not show the step, a rule's own words decide,
// though less surely when the text speaks of another step; a rule without any
// words must be of a step that the text can be from.
func (v *view) fitsStep(w *When) bool {
	if v.f.Step != "" {
		return fitsWord(w.Step, v.f.Step)
	}
	possible := len(w.Step) == 0 || slices.ContainsFunc(w.Step, func(step string) bool { return has(v.f.Steps, step) })
	switch {
	case possible:
		if len(v.f.Steps) > 2 && len(w.Step) > 0 && len(w.Text)+len(w.Wording)+len(w.Enhanced) == 0 {
			v.assumed++
		}
		return true
	case len(w.Text)+len(w.Wording)+len(w.Enhanced) > 0:
		if len(v.f.Steps) > 0 {
			v.assumed++
		}
		return true
	case len(w.Code)+len(w.Fault)+len(w.Seen)+len(w.AnySeen) == 0:
		return false
	case len(v.f.Steps) == 0:
		v.assumed += 2
		return true
	}
	return false
}

// fitsCode: programs often show the words of a reply without its code. Then
// the enhanced code tells its class, and a rule's own words must do.
func (v *view) fitsCode(w *When) bool {
	f := v.f
	if len(w.Code) == 0 || hasCode(w.Code, f.Code) {
		return true
	}
	if f.Code != 0 || f.Enhanced == "" || !v.mayAssume() || len(w.Text)+len(w.Wording)+len(w.Enhanced) == 0 {
		return false
	}
	if len(w.Enhanced) == 0 && !slices.ContainsFunc(w.Code, isClass) {
		v.assumed++
	}
	class := int(f.Enhanced[0] - '0')
	return slices.ContainsFunc(w.Code, func(c Codes) bool { return c.From/100 <= class && class <= c.To/100 })
}

// isClass: the rule means any code of a kind, not one that has a meaning of its own.
func isClass(c Codes) bool { return c.From != c.To }

// fitsOrAssumes: a setting that the text does not name may be any.
func (v *view) fitsOrAssumes(list []string, word string) bool {
	if len(list) > 0 && word == "" && v.mayAssume() {
		v.assumed++
		return true
	}
	return fitsWord(list, word)
}

// fitsCredential: most log in with a password; a token shows.
func (v *view) fitsCredential(list []string) bool {
	if v.f.Credential == "" && v.mayAssume() && has(list, "password") {
		return true
	}
	return fitsWord(list, v.f.Credential)
}

func (v *view) fitsPort(list []int) bool {
	if v.f.Port == 0 && v.mayAssume() && slices.ContainsFunc(list, isUsualPort) {
		v.assumed++
		return true
	}
	return len(list) == 0 || slices.Contains(list, v.f.Port)
}

// fitsNotPort: a port that is not named may be one of those that must not be.
func (v *view) fitsNotPort(list []int) bool {
	if len(list) > 0 && v.f.Port == 0 && v.mayAssume() {
		v.assumed++
	}
	return !slices.Contains(list, v.f.Port)
}

// isUsualPort: a port that is not named is most often one of these.
func isUsualPort(port int) bool { return slices.Contains([]int{25, 465, 587}, port) }

// assumes tells whether an observation that a text rarely shows may be taken
// for seen because the rule has words of its own to go by.
func (v *view) assumes(w *When, o Observation) bool {
	if !v.mayAssume() || len(w.Text)+len(w.Wording) == 0 || v.f.Seen[o] {
		return false
	}
	switch o {
	case SenderRefused, RecipientRefused, RefusalUnclear, LoggedIn, NotLoggedIn, RefusedForNow, AuthOffered, StarttlsOffered:
		v.assumed++
		return true
	}
	return false
}

// confidence is what a hit may state by itself.
func (h hit) confidence() Confidence {
	switch h.assumed {
	case 0:
		return h.Confidence
	case 1:
		return lower(h.Confidence)
	}
	return Possible
}

func lower(c Confidence) Confidence {
	if c == Certain {
		return Likely
	}
	return Possible
}

// stated gives the confidences of hits beside each other. Of a text, two
// causes that fit equally well contradict each other, and neither is as sure
// as it would be alone.
func (v *view) stated(hits []hit) []Confidence {
	all := make([]Confidence, len(hits))
	count := map[Confidence]int{}
	for i, h := range hits {
		all[i] = h.confidence()
		if h.severity() == Error && !h.General {
			count[all[i]]++
		}
	}
	if !v.isPasted() {
		return all
	}
	for i, h := range hits {
		if h.severity() == Error && count[h.confidence()] > 1 {
			all[i] = lower(h.confidence())
		}
	}
	return all
}
