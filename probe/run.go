package probe

import (
	"context"
	"iter"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
	"github.com/smtpdx/smtpdx/probe/wire"
)

// Prober probes settings. The zero value works on the real network with the
// built-in knowledge base and cannot ask anybody for a password.
type Prober struct {
	Net  Net
	Base *cause.Base
	// AskPassword asks a person for the account's password when the auth step is reached.
	AskPassword func(ctx context.Context, s Settings) (secret.Value, error)
	// Transcript asks for transcript events.
	Transcript bool
}

// run is one probe under way.
type run struct {
	prober   *Prober
	settings Settings
	redactor *secret.Redactor
	started  time.Time
	count    atomic.Int64
	dns      *DNSEvidence
}

// Run probes one set of settings and yields what happens, from plan to result.
// Ending the loop early, or ending ctx, ends the probe.
func (p *Prober) Run(ctx context.Context, s Settings) iter.Seq[Event] {
	return func(yield func(Event) bool) {}
}

func (r *run) nextConnection() int { return int(r.count.Add(1)) }

func (r *run) wireOptions(l *lane, id int, purpose string, addr ...netip.AddrPort) wire.Options {
	return wire.Options{Redactor: r.redactor}
}

func (l *lane) dial(ctx context.Context) (net.Conn, error) { return nil, nil }

func settingsStep(ctx context.Context, l *lane) (Evidence, error) { return &SettingsEvidence{}, nil }

// SettingsEvidence is what reading the settings saw.
type SettingsEvidence struct {
	Cleaned List[Cleaned] `json:"cleaned"`
}

func (*SettingsEvidence) isEvidence() {}

func (r *Result) sortSteps() {}
