package received

import (
	"strings"

	"golang.org/x/net/html"
)

// htmlText is a page without its marks; what stands in a line of its own gets one.
func htmlText(page string) string {
	var b strings.Builder
	tokens := html.NewTokenizer(strings.NewReader(page))
	hidden := ""
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			if hidden == "" {
				b.Write(tokens.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			tag, _ := tokens.TagName()
			switch name := string(tag); name {
			case "script", "style", "title":
				hidden = name
			case "br", "p", "div", "tr", "li", "blockquote", "hr", "table", "h1", "h2", "h3":
				b.WriteByte('\n')
			}
		case html.EndTagToken:
			tag, _ := tokens.TagName()
			if string(tag) == hidden {
				hidden = ""
			}
		}
	}
}
