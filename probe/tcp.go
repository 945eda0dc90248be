package probe

import "context"

// TCPEvidence is what connecting to one address gave.
type TCPEvidence struct {
	LocalAddress Maybe `json:"local_address"`
	Family       *int  `json:"family"`
	Proxy        Maybe `json:"proxy"`

	proxyLogin bool // the proxy wants a login
}

func (*TCPEvidence) isEvidence() {}

func tcpStep(ctx context.Context, l *lane) (Evidence, error) { return &TCPEvidence{}, nil }
