package probe

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// List is a slice that is [] in JSON when it is empty, never null.
type List[T any] []T

// MarshalJSON writes [] for nil.
func (l List[T]) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]T(l))
}

// Maybe is a text that is null in JSON when it is empty.
type Maybe string

// MarshalJSON writes null for "".
func (m Maybe) MarshalJSON() ([]byte, error) {
	if m == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(m))
}

// UnmarshalJSON reads null as "".
func (m *Maybe) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*m = ""
	if s != nil {
		*m = Maybe(*s)
	}
	return nil
}

// Ms is a time span in milliseconds, at most three decimals in JSON.
type Ms float64

// Milliseconds converts a duration.
func Milliseconds(d time.Duration) Ms { return Ms(float64(d) / float64(time.Millisecond)) }

// Duration converts back.
func (m Ms) Duration() time.Duration { return time.Duration(float64(m) * float64(time.Millisecond)) }

// MarshalJSON rounds to three decimals.
func (m Ms) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, math.Round(float64(m)*1000)/1000, 'f', -1, 64), nil
}

func ptr[T any](v T) *T { return &v }
