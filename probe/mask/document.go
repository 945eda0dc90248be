package mask

import (
	"reflect"
	"slices"

	"github.com/smtpdx/smtpdx/probe"
)

// Event masks one event of a run; the given one stays as it is. What an event
// names is known from then on.
func (m *Masker) Event(e probe.Event) probe.Event {
	m.learnEvent(e)
	e = Document(m, e)
	if e.Run != nil {
		e.Run.Masked = true
	}
	return e
}

// Report masks a whole report.
func (m *Masker) Report(r probe.Report) probe.Report {
	m.LearnReport(r)
	r = Document(m, r)
	r.Masked = true
	return r
}

// Document gives a copy of a document in which every text is masked, but for
// words of this program's own (steps, causes, settings, the names of protocols).
// Fields that are not exported are copied as they are.
func Document[T any](m *Masker, document T) T {
	value := reflect.ValueOf(&document).Elem()
	return m.copied(value).Interface().(T)
}

func (m *Masker) copied(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		return m.text1(v)
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		to := reflect.New(v.Type().Elem())
		to.Elem().Set(m.copied(v.Elem()))
		return to
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		return m.copied(v.Elem())
	case reflect.Slice:
		return m.copiedSlice(v)
	case reflect.Map:
		return m.copiedMap(v)
	case reflect.Struct:
		return m.copiedStruct(v)
	}
	return v
}

// text1 masks a text; strings of types of their own are words of this program.
func (m *Masker) text1(v reflect.Value) reflect.Value {
	if t := v.Type(); t != reflect.TypeFor[string]() && t != reflect.TypeFor[probe.Maybe]() {
		return v
	}
	return m.with(v, m.Text)
}

func (m *Masker) with(v reflect.Value, mask func(string) string) reflect.Value {
	to := reflect.New(v.Type()).Elem()
	to.SetString(mask(v.String()))
	return to
}

func (m *Masker) copiedSlice(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	to := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	for i := range v.Len() {
		to.Index(i).Set(m.copied(v.Index(i)))
	}
	return to
}

func (m *Masker) copiedMap(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	to := reflect.MakeMap(v.Type())
	for _, key := range v.MapKeys() {
		to.SetMapIndex(key, m.copied(v.MapIndex(key)))
	}
	return to
}

func (m *Masker) copiedStruct(v reflect.Value) reflect.Value {
	if c, ok := v.Interface().(probe.Certificate); ok {
		return reflect.ValueOf(m.certificate(c))
	}
	to := reflect.New(v.Type()).Elem()
	to.Set(v)
	for i := range v.NumField() {
		field := v.Type().Field(i)
		switch {
		case !field.IsExported() || isOurs(v.Type(), field.Name):
		case field.Name == "Profile" && field.Type.Kind() == reflect.String:
			to.Field(i).Set(m.with(v.Field(i), m.profileOr))
		case field.Name == "Account" && field.Type.Kind() == reflect.String:
			to.Field(i).Set(m.with(v.Field(i), m.account))
		default:
			to.Field(i).Set(m.copied(v.Field(i)))
		}
	}
	return to
}

func (m *Masker) profileOr(name string) string {
	if name == "" {
		return name
	}
	return m.profile(name)
}

// isOurs: the field holds a word of this program, or of a protocol, which could
// be somebody's name only by chance.
func isOurs(t reflect.Type, field string) bool {
	return field == "Schema" || slices.Contains(oursIn(t), field)
}

func oursIn(t reflect.Type) []string {
	switch t {
	case reflect.TypeFor[probe.Tool]():
		return []string{"Name", "Version"}
	case reflect.TypeFor[probe.Vantage]():
		return []string{"OS", "Environment"}
	case reflect.TypeFor[probe.ShownSettings]():
		return []string{"Encryption", "Auth", "Preset", "Provider", "UsedBy", "TLSMin"}
	case reflect.TypeFor[probe.SecretSource]():
		return []string{"Source"}
	case reflect.TypeFor[probe.Origin]():
		return []string{"From"}
	case reflect.TypeFor[probe.Outcome](), reflect.TypeFor[probe.Result]():
		return []string{"FailedStep"}
	case reflect.TypeFor[probe.StepResult]():
		return []string{"SkipReason", "BlockedBy"}
	case reflect.TypeFor[probe.Finding]():
		return []string{"Cause", "Step"}
	case reflect.TypeFor[probe.FindingEvidence]():
		return []string{"Step"}
	case reflect.TypeFor[probe.Fix]():
		return []string{"Setting"}
	case reflect.TypeFor[probe.Command](), reflect.TypeFor[probe.Next]():
		return []string{"Shell"}
	case reflect.TypeFor[probe.SuggestedSettings]():
		return []string{"Encryption"}
	case reflect.TypeFor[probe.TranscriptLine]():
		return []string{"Purpose", "From"}
	case reflect.TypeFor[probe.GreetingEvidence]():
		return []string{"LooksLike"}
	case reflect.TypeFor[probe.EHLOEvidence]():
		return []string{"Verb"}
	case reflect.TypeFor[probe.TLSEvidence]():
		return []string{"Version", "Cipher", "Group", "Alert", "VersionsAccepted"}
	case reflect.TypeFor[probe.CertificateEvidence]():
		return []string{"Problems"}
	case reflect.TypeFor[probe.AuthEvidence]():
		return []string{"Mechanism", "ChannelBinding"}
	case reflect.TypeFor[probe.SenderTry]():
		return []string{"Refused"}
	case reflect.TypeFor[probe.DNSEvidence]():
		return []string{"Rcode"}
	}
	return nil
}
