package compare

import (
	"slices"
	"strconv"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// ehlo compares what the server says that it can do.
func (d *differences) ehlo(path string, a, b *probe.EHLOEvidence, alike bool) {
	if !alike {
		d.both(path+"server_name", string(a.ServerName), string(b.ServerName), Neutral, "another server answers")
	}
	if len(a.Capabilities) == 0 && len(a.Auth) == 0 || len(b.Capabilities) == 0 && len(b.Auth) == 0 {
		return // one of the two has no list
	}
	d.mechanisms(path, a.Auth, b.Auth)
	before, now := parameters(a), parameters(b)
	for _, keyword := range keywords(a, b) {
		was, had := before[keyword]
		is, has := now[keyword]
		switch {
		case keyword == "AUTH" || keyword == "AUTH=": // the mechanisms say it
		case keyword == "STARTTLS" && d.mixed: // there is none within TLS
		case had && !has:
			d.add(path+"capabilities."+keyword, value(was), "", lost(keyword), "not offered any more"+meaning(keyword))
		case has && !had:
			d.add(path+"capabilities."+keyword, "", value(is), opposite(lost(keyword)), "offered now"+meaning(keyword))
		case keyword == "SIZE":
			d.size(path+"capabilities.SIZE", was, is)
		default:
			d.differs(path+"capabilities."+keyword, value(was), value(is), Neutral, "offered with other parameters")
		}
	}
}

func parameters(e *probe.EHLOEvidence) map[string]string {
	all := map[string]string{}
	for _, c := range e.Capabilities {
		all[strings.ToUpper(c.Keyword)] = strings.Join(c.Parameters, " ")
	}
	return all
}

// keywords of both, in the order in which the servers gave them.
func keywords(a, b *probe.EHLOEvidence) []string {
	var all []string
	for _, e := range []*probe.EHLOEvidence{a, b} {
		for _, c := range e.Capabilities {
			if word := strings.ToUpper(c.Keyword); !slices.Contains(all, word) {
				all = append(all, word)
			}
		}
	}
	return all
}

func value(parameters string) string {
	if parameters == "" {
		return "offered"
	}
	return parameters
}

// lost: what a client can do without is no loss.
func lost(keyword string) Effect {
	if keyword == "STARTTLS" || keyword == "SMTPUTF8" {
		return Worse
	}
	return Neutral
}

func meaning(keyword string) string {
	words := map[string]string{
		"STARTTLS":   ": the connection can be encrypted with it",
		"SMTPUTF8":   ": it is needed for addresses beyond ASCII",
		"8BITMIME":   "; clients encode the message where it is missing",
		"DSN":        ": reports of delivery can be asked for with it",
		"PIPELINING": "; it saves time only",
		"CHUNKING":   "; few clients use it",
		"SIZE":       ": it tells the largest message",
	}
	if text, known := words[keyword]; known {
		return text
	}
	return ""
}

func (d *differences) size(path, a, b string) {
	before, errA := strconv.Atoi(a)
	now, errB := strconv.Atoi(b)
	if errA != nil || errB != nil || before == now {
		return
	}
	if now != 0 && (before == 0 || now < before) { // 0 means no limit (RFC 1870 section 4)
		d.add(path, a, b, Worse, "the largest message is smaller now (octets)")
		return
	}
	d.add(path, a, b, Better, "larger messages are taken now (octets)")
}

// mechanisms compares the ways to log in.
func (d *differences) mechanisms(path string, a, b []string) {
	if len(a) > 0 && len(b) == 0 {
		d.add(path+"auth", join(a), "", Worse, "no login is offered any more")
		return
	}
	if len(a) == 0 && len(b) > 0 {
		d.add(path+"auth", "", join(b), Better, "a login is offered now")
		return
	}
	gone, added := without(a, b), without(b, a)
	if len(gone) > 0 {
		d.add(path+"auth", join(a), join(b), Worse, "no more: "+join(gone)+"; an application that uses one of these cannot log in now")
	} else if len(added) > 0 {
		d.add(path+"auth", join(a), join(b), Neutral, "new: "+join(added)+"; an application may choose one of these now")
	}
}

// without gives the words of all that are not in other.
func without(all, other []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(word string) bool { return slices.Contains(other, word) })
}
