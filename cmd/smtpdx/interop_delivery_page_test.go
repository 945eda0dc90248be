//go:build linux

package main_test

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shotsVariable names a folder into which the pictures are written.
const shotsVariable = "SMTPDX_INTEROP_SHOTS"

const mailpitURL = "http://192.0.2.57:8025"

// showsMessage looks at the message as a person does who gets it: in Chromium,
// light and dark, and as plain text.
func (d *delivery) showsMessage(t *testing.T) {
	if _, err := exec.LookPath("chromium"); err != nil {
		missing(t, err.Error())
	}
	p := d.smtpdx(t, 20*time.Second, []string{"INTEROP_SECRET=box-2323"}, "send", "mailpit.app.example:587", "--encryption", "starttls", "--account", box, "--password-env", "INTEROP_SECRET",
		"--from", "noreply@sender.example", "--to", "carla.candidate@app.example", "--ca-file", caFile, "--yes", "--no-input", "-o", "json")
	if p.exit != 0 {
		t.Fatalf("send ended with %d\n%s\n%s", p.exit, p.out, p.complaints)
	}
	token := sentToken(t, p)
	id := messageWith(t, token)
	text := fetch(t, mailpitURL+"/view/"+id+".txt")
	if !strings.Contains(text, "smtpdx") || !strings.Contains(text, token) {
		t.Errorf("the plain part does not name the program and %s\n%s", token, text)
	}
	for line := range strings.Lines(text) {
		if len(line) > 80 {
			t.Errorf("a line of the plain part has %d characters: %s", len(line), line)
		}
	}
	keepShot(t, "message.txt", []byte(text))
	page := mailpitURL + "/view/" + id + ".html"
	if dom := chromium(t, page, "--dump-dom"); !strings.Contains(dom, token) {
		t.Errorf("the page does not show %s\n%s", token, dom)
	}
	light, dark := picture(t, page, "message-light.png", 1), picture(t, page, "message-dark.png", 0)
	if paper := light.At(2, 2); brightness(paper) < 200 {
		t.Errorf("the light page is %v", paper)
	}
	if paper := dark.At(2, 2); brightness(paper) > 80 {
		t.Errorf("the dark page is %v", paper)
	}
	for name, shot := range map[string]image.Image{"light": light, "dark": dark} {
		if n := inked(shot); n < 2000 {
			t.Errorf("the %s page has %d points that are not paper", name, n)
		}
	}
}

func (d *delivery) startMailpit(t *testing.T) {
	t.Helper()
	path, err := exec.LookPath("mailpit")
	if err != nil {
		missing(t, err.Error())
	}
	start(t, "delivery-mailpit", path, []string{"--disable-version-check", "--smtp-disable-rdns", "--smtp", "192.0.2.57:587", "--listen", "192.0.2.57:8025",
		"--smtp-tls-cert", root + "/pki/delivery.pem", "--smtp-tls-key", root + "/pki/delivery.pem", "--smtp-auth-file", root + "/etc/mailpit/users",
		"--database", root + "/run/mailpit-delivery.db"})
	waitFor(t, "mailpit", "192.0.2.57:587")
	waitFor(t, "mailpit", "192.0.2.57:8025")
}

// sentToken reads the token from a report.
func sentToken(t *testing.T, p printed) string {
	t.Helper()
	var d struct {
		Results []struct {
			Steps []struct {
				ID       string
				Evidence struct{ Token string }
			}
		}
	}
	if err := json.Unmarshal([]byte(p.out), &d); err != nil {
		t.Fatalf("no report: %v\n%s", err, p.out)
	}
	for _, r := range d.Results {
		for _, s := range r.Steps {
			if s.ID == "message" && s.Evidence.Token != "" {
				return s.Evidence.Token
			}
		}
	}
	t.Fatalf("no token in\n%s", p.out)
	return ""
}

// messageWith is Mailpit's id of the message with a token in its subject.
func messageWith(t *testing.T, token string) string {
	t.Helper()
	var list struct {
		Messages []struct{ ID, Subject string }
	}
	if err := json.Unmarshal([]byte(fetch(t, mailpitURL+"/api/v1/messages")), &list); err != nil {
		t.Fatal(err)
	}
	for _, m := range list.Messages {
		if strings.Contains(m.Subject, token) {
			return m.ID
		}
	}
	t.Fatalf("none of Mailpit's %d messages has %s", len(list.Messages), token)
	return ""
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	reply, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v\n%s", url, reply.Status, err, text)
	}
	return string(text)
}

// chromium opens a page, and demands that it asks nobody but Mailpit.
func chromium(t *testing.T, page string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	asked := filepath.Join(dir, "asked.json")
	args = append([]string{"--headless", "--no-sandbox", "--disable-background-networking", "--no-first-run", "--disable-gpu", "--hide-scrollbars", "--user-data-dir=" + dir, "--log-net-log=" + asked, "--window-size=720,640"}, args...)
	p := runLimited(t, 60*time.Second, nil, "/usr/bin/chromium", append(args, page)...)
	if p.exit != 0 {
		t.Fatalf("Chromium ended with %d\n%s", p.exit, p.complaints)
	}
	var log struct {
		Events []struct {
			Params struct {
				URL       string `json:"url"`
				Initiator string `json:"initiator"` // the page that asked; the browser asks for itself, too
			} `json:"params"`
		} `json:"events"`
	}
	if err := json.Unmarshal([]byte(readFile(t, asked)), &log); err != nil {
		t.Fatalf("Chromium's log of the network: %v", err)
	}
	opened := 0
	for _, event := range log.Events {
		switch url := event.Params.URL; {
		case url == page:
			opened++
		case event.Params.Initiator == mailpitURL && !strings.HasPrefix(url, mailpitURL+"/"):
			t.Errorf("the page asked for %s", url)
		}
	}
	if opened == 0 {
		t.Error("Chromium's log does not have the page itself")
	}
	return p.out
}

// picture takes a screenshot; scheme is Blink's number: 0 dark, 1 light.
func picture(t *testing.T, page, name string, scheme int) image.Image {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	chromium(t, page, fmt.Sprintf("--blink-settings=preferredColorScheme=%d", scheme), "--screenshot="+path)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	shot, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	keepShot(t, name, []byte(readFile(t, path)))
	return shot
}

func brightness(c color.Color) int { return int(color.GrayModel.Convert(c).(color.Gray).Y) }

// inked counts the points that differ clearly from the corner.
func inked(shot image.Image) int {
	paper, count := brightness(shot.At(2, 2)), 0
	for y := shot.Bounds().Min.Y; y < shot.Bounds().Max.Y; y++ {
		for x := shot.Bounds().Min.X; x < shot.Bounds().Max.X; x++ {
			if difference := brightness(shot.At(x, y)) - paper; difference > 90 || difference < -90 {
				count++
			}
		}
	}
	return count
}

func keepShot(t *testing.T, name string, data []byte) {
	t.Helper()
	if dir := os.Getenv(shotsVariable); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Error(err)
		}
	}
}
