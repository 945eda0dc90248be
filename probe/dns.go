package probe

import "context"

// DNSEvidence is what look-ups of the host's name gave.
type DNSEvidence struct {
	Resolver  Maybe             `json:"resolver"` // IP:PORT of the server our own query went to
	Name      Maybe             `json:"name"`
	CNAME     List[string]      `json:"cname"`
	Addresses List[HostAddress] `json:"addresses"`
	Rcode     Maybe             `json:"rcode"` // NOERROR, NXDOMAIN, SERVFAIL, ... of our own query
	MX        List[string]      `json:"mx"`

	partial bool // one family resolved and the other failed
	differs bool // the system's answer and our own query differ
}

// HostAddress is one address of the host.
type HostAddress struct {
	Address string `json:"address"`
	Family  int    `json:"family"` // 4 or 6
}

func (*DNSEvidence) isEvidence() {}

func skipDNS(s Settings) SkipReason { return "" }

func dnsStep(ctx context.Context, l *lane) (Evidence, error) { return &DNSEvidence{}, nil }
