package alternative

import (
	"strconv"

	"github.com/smtpdx/smtpdx/probe"
)

func portText(port int) string { return strconv.Itoa(port) }

// portWords is a port with its encryption in the words that forms use.
func portWords(a probe.Attempt) string {
	words := map[string]string{string(probe.SSL): "SSL", string(probe.STARTTLS): "TLS/STARTTLS"}[a.Settings.Encryption]
	if words == "" {
		return portText(a.Settings.Port) + " without encryption"
	}
	return portText(a.Settings.Port) + " with " + words
}
