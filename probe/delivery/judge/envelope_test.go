package judge

import "testing"

func TestEnvelopesOfForwardingServersAreDecoded(t *testing.T) {
	for address, want := range map[string]Rewritten{
		"<SRS0=BbQ7=ZS=candidate.example=ann@acme.example>":                   {Scheme: "srs0", Original: "ann@candidate.example", Forwarder: "acme.example"},
		"srs0+AbCd=ZS=Candidate.example=ann=x@acme.example":                   {Scheme: "srs0", Original: "ann=x@candidate.example", Forwarder: "acme.example"},
		"SRS1=Xy=first.example==AbCd=ZS=candidate.example=ann@second.example": {Scheme: "srs1", Original: "ann@candidate.example", Forwarder: "second.example"},
		"prvs=1234abcd=SRS0=AbCd=ZS=candidate.example=ann@acme.example":       {Scheme: "srs0", Original: "ann@candidate.example", Forwarder: "acme.example"},
		"jobs+SRS=AbC1d=ZS=candidate.example=ann@acme.example":                {Scheme: "srs-microsoft", Original: "ann@candidate.example", Forwarder: "jobs@acme.example"},
		"bounces+SRS=DmMzc=V3@acme.example":                                   {Scheme: "srs-microsoft", Forwarder: "acme.example"},
		"jobs.acme+caf_=app=app.example@gmail.com":                            {Scheme: "caf-google", Forwarder: "jobs.acme@gmail.com", Target: "app@app.example"},
	} {
		got, ok := DecodeEnvelope(address)
		if !ok || got != want {
			t.Errorf("%s: %+v", address, got)
		}
	}
	for _, address := range []string{"", "ann@candidate.example", "bounce+123-ann=candidate.example@em.jobboard.example", "0102018@amazonses.com",
		"list-bounces@lists.example", "SRS0=broken@acme.example", "prvs=1234abcd=ann@candidate.example"} {
		if got, ok := DecodeEnvelope(address); ok {
			t.Errorf("%s: %+v", address, got)
		}
	}
}

func TestSubjectsTellForwardsFromAnswers(t *testing.T) {
	for subject, want := range map[string]string{
		"Fwd: x": "forward", "FW: x": "forward", "WG: Bewerbung": "forward", "TR : Candidature": "forward", "RV: x": "forward", "I: x": "forward",
		"Doorst: x": "forward", "PD: x": "forward", "ENC: x": "forward", "VB: x": "forward", "转发：x": "forward", "İLT: x": "forward", "Fwd[2]: x": "forward",
		"[EXTERNAL] Fwd: x": "forward", "[Fwd: x]": "forward", "[ann@candidate.example: x]": "forward",
		"Re: Fwd: x": "reply", "AW: x": "reply", "SV: x": "reply", "Antw: x": "reply", "VS: x": "either",
		"Bewerbung: Koch": "", "Application": "", "I need this job": "", "[Jobs] Application": "", "": "",
	} {
		if got := subjectKind(subject); got != want {
			t.Errorf("%q: %q, want %q", subject, got, want)
		}
	}
}
