package cause

// Texts gives every sentence, command and link that the base can say, with its
// placeholders ({host}) unfilled, and the domains of the services that it knows.
// For whoever must tell the words of this program from those of others.
func (b *Base) Texts() (texts, domains []string) {
	for i := range b.entries {
		e := &b.entries[i]
		texts = append(append(texts, e.Title...), e.Explanation...)
		texts = append(texts, textsOf(e.Fix, e.Decides, e.Links)...)
		for _, r := range e.Rules {
			texts = append(append(texts, r.Title...), r.Explanation...)
			texts = append(texts, textsOf(r.Fix, r.Decides, nil)...)
			if r.Suggest != nil {
				texts = append(texts, r.Suggest.Text)
			}
		}
	}
	for _, s := range b.services {
		domains = append(domains, s.Hosts...)
	}
	return texts, domains
}

func textsOf(fixes []FixEntry, decides []DecidesEntry, links []LinkEntry) []string {
	var texts []string
	for _, f := range fixes {
		texts = append(texts, f.Text, f.Path)
		for _, c := range f.Commands {
			texts = append(texts, c.Text)
		}
	}
	for _, d := range decides {
		texts = append(texts, d.Question, d.Command)
	}
	for _, l := range links {
		texts = append(texts, l.Title, l.URL)
	}
	return texts
}
