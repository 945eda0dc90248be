package main

import (
	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
)

// presetDocument is a provider in smtpdx.presets/v1: every field is there,
// what is not known is null.
type presetDocument struct {
	ID          string                      `json:"id"`
	Name        string                      `json:"name"`
	Kind        string                      `json:"kind"`
	Country     probe.Maybe                 `json:"country"`
	Domains     probe.List[string]          `json:"domains"`
	MX          probe.List[string]          `json:"mx"`
	NoSMTP      probe.Maybe                 `json:"no_smtp"`
	Endpoints   probe.List[presetEndpoint]  `json:"endpoints"`
	Account     presetAccount               `json:"account"`
	AppPassword probe.Maybe                 `json:"app_password"`
	AppPath     probe.Maybe                 `json:"app_password_path"`
	OAuth       probe.Maybe                 `json:"oauth"`
	Auth        probe.List[string]          `json:"auth"`
	Enable      *presetEnable               `json:"enable"`
	MustEnable  *bool                       `json:"must_be_enabled"`
	Sender      presetSender                `json:"sender"`
	IMAP        *presetIMAP                 `json:"imap"`
	Help        probe.Maybe                 `json:"help"`
	Announced   probe.List[presetAnnounced] `json:"announced"`
	Redirect    probe.Maybe                 `json:"redirect"`
	Notes       probe.Maybe                 `json:"notes"`
	Sources     probe.List[string]          `json:"sources"`
	Agree       int                         `json:"agree"`
	Verified    bool                        `json:"verified"`
	Checked     probe.Maybe                 `json:"checked"`
}

type presetEndpoint struct {
	Host         string             `json:"host"`
	Placeholders probe.List[string] `json:"placeholders"`
	Port         int                `json:"port"`
	Encryption   string             `json:"encryption"`
	Sources      probe.List[string] `json:"sources"`
	Agree        int                `json:"agree"`
	Verified     bool               `json:"verified"`
}

type presetAccount struct {
	Form probe.Maybe `json:"form"`
	Word probe.Maybe `json:"word"`
	Text probe.Maybe `json:"text"`
}

type presetEnable struct {
	Text string      `json:"text"`
	Path probe.Maybe `json:"path"`
	Link probe.Maybe `json:"link"`
}

type presetSender struct {
	Rule     probe.Maybe        `json:"rule"`
	Decided  probe.Maybe        `json:"decided"`
	Verified bool               `json:"verified"`
	Text     probe.Maybe        `json:"text"`
	Sources  probe.List[string] `json:"sources"`
}

type presetIMAP struct {
	Host       string `json:"host"`
	Port       int    `json:"port"`
	Encryption string `json:"encryption"`
}

type presetAnnounced struct {
	Date string      `json:"date"`
	Text string      `json:"text"`
	Link probe.Maybe `json:"link"`
}

func printPresets(p *process, all []presets.Provider) error {
	document := struct {
		Schema  string                     `json:"schema"`
		Presets probe.List[presetDocument] `json:"presets"`
	}{Schema: presetsSchema}
	for _, provider := range all {
		document.Presets = append(document.Presets, presetJSON(provider))
	}
	return printDocument(p, document)
}

func presetJSON(p presets.Provider) presetDocument {
	d := presetDocument{
		ID: p.ID, Name: p.Name, Kind: p.Kind, Country: probe.Maybe(p.Country), Domains: p.Domains, MX: p.MX,
		NoSMTP: probe.Maybe(p.NoSMTP), AppPassword: probe.Maybe(p.AppPassword), AppPath: probe.Maybe(p.AppPasswordPath),
		Account: presetAccount{probe.Maybe(p.Account.Form), probe.Maybe(p.Account.Word), probe.Maybe(p.Account.Text)},
		OAuth:   probe.Maybe(p.OAuth), Auth: p.Auth, MustEnable: mustBeEnabled(p),
		Sender: presetSender{probe.Maybe(p.Sender.Rule), probe.Maybe(p.Sender.Decided), p.Sender.Verified, probe.Maybe(p.Sender.Text), p.Sender.Sources},
		Help:   probe.Maybe(p.Help), Redirect: probe.Maybe(p.Redirect), Notes: probe.Maybe(p.Notes), Sources: p.Sources,
		Agree: p.Agree, Verified: p.Verified, Checked: probe.Maybe(p.Checked),
	}
	for _, e := range p.Endpoints {
		d.Endpoints = append(d.Endpoints, presetEndpoint{e.Host, e.Placeholders(), e.Port, e.Encryption, e.Sources, e.Agree, e.Verified})
	}
	if p.Enable != nil {
		d.Enable = &presetEnable{p.Enable.Text, probe.Maybe(p.Enable.Path), probe.Maybe(p.Enable.Link)}
	}
	if p.IMAP != nil {
		d.IMAP = &presetIMAP{p.IMAP.Host, p.IMAP.Port, p.IMAP.Encryption}
	}
	for _, a := range p.Announced {
		d.Announced = append(d.Announced, presetAnnounced{a.Date, a.Text, probe.Maybe(a.Link)})
	}
	return d
}

// mustBeEnabled is nil when it is not known.
func mustBeEnabled(p presets.Provider) *bool {
	must := p.Enable != nil
	if !must && !p.ReadyAtOnce {
		return nil
	}
	return &must
}
