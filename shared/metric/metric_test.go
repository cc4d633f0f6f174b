package metric

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// emf is a line as CloudWatch reads it.
type emf struct {
	AWS struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	} `json:"_aws"`
	Stage     string `json:"stage"`
	Delivered []float64
	Failed    []float64
	Events    []float64
}

func lines(t *testing.T, put map[Name][]float64) []emf {
	t.Helper()
	var out bytes.Buffer
	New("prod", &out, func() time.Time { return time.UnixMilli(1_795_000_000_123) }).Put(put)
	var all []emf
	for _, raw := range strings.SplitAfter(out.String(), "\n") {
		if raw == "" {
			continue
		}
		var line emf
		if err := json.Unmarshal([]byte(raw), &line); err != nil {
			t.Fatalf("%v in %q", err, raw)
		}
		all = append(all, line)
	}
	return all
}

func TestPut_IsOneLineOfTheEmbeddedMetricFormat(t *testing.T) {
	all := lines(t, map[Name][]float64{Delivered: {9}, FirstAttempt: {12, 31}, Failed: {}})
	if len(all) != 1 {
		t.Fatalf("got %d lines, want 1", len(all))
	}
	l := all[0]
	if l.AWS.Timestamp != 1_795_000_000_123 || l.Stage != "prod" || !slices.Equal(l.Delivered, []float64{9}) ||
		l.Failed != nil {
		t.Errorf("got %+v", l)
	}
	of := l.AWS.CloudWatchMetrics
	if len(of) != 1 || of[0].Namespace != "Plugboard" || len(of[0].Dimensions) != 1 ||
		!slices.Equal(of[0].Dimensions[0], []string{"stage"}) {
		t.Fatalf("got %+v, want the namespace Plugboard by the stage alone", of)
	}
	unit := map[string]string{}
	for _, m := range of[0].Metrics {
		unit[m.Name] = m.Unit
	}
	if len(unit) != 2 || unit["Delivered"] != "Count" || unit["FirstAttempt"] != "Milliseconds" {
		t.Errorf("got %v", unit)
	}
}

func TestPut_AHundredValuesALine(t *testing.T) {
	values := make([]float64, 250)
	all := lines(t, map[Name][]float64{Events: values, Delivered: {1}})
	var events, delivered []int
	for _, l := range all {
		events, delivered = append(events, len(l.Events)), append(delivered, len(l.Delivered))
	}
	if !slices.Equal(events, []int{100, 100, 50}) || !slices.Equal(delivered, []int{1, 0, 0}) {
		t.Errorf("got %v and %v values a line", events, delivered)
	}
	if none := lines(t, map[Name][]float64{}); len(none) != 0 {
		t.Errorf("got %d lines of nothing", len(none))
	}
}
