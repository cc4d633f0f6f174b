package domain

import (
	"errors"
	"regexp"
	"strings"
	"time"
)

// rfc3339 is the grammar of RFC 3339, 5.6. Go's parser refuses small letters and leap seconds, and takes a comma.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:(\d{2})(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

var errNoTime = errors.New("no time of RFC 3339")

// ParseTime reads a time as RFC 3339 has it, in UTC. A leap second, which ends a month in UTC, is the second after it.
func ParseTime(text string) (time.Time, error) {
	text = strings.ToUpper(text)
	parts := rfc3339.FindStringSubmatchIndex(text)
	if parts == nil {
		return time.Time{}, errNoTime
	}
	leap := text[parts[2]:parts[3]] == "60"
	if leap {
		text = text[:parts[2]] + "59" + text[parts[3]:]
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, errNoTime
	}
	if at = at.UTC(); leap {
		at = at.Truncate(time.Second).Add(time.Second)
		if at.Day() != 1 || at.Hour()+at.Minute()+at.Second() > 0 {
			return time.Time{}, errNoTime
		}
	}
	return at, nil
}
