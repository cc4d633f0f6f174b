package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"runtime"
	"time"
)

// row is one line of the table.
type row struct {
	name  string
	load  load
	after time.Duration // the receiver's delay
	tls   bool
}

// usual is a batch of ten events of 1 KB for ten webhooks.
var usual = load{Kind: "delivery", Batch: 10, Body: 1 << 10, Webhooks: 10}

func with(change func(*load)) load {
	l := usual
	change(&l)
	return l
}

func toSomeOf(heard, webhooks int) load {
	return with(func(l *load) { l.Heard, l.Webhooks = heard, webhooks })
}

// slow is the delay of an endpoint that is slow for a fan-out and quick for a person.
const slow = 200 * time.Millisecond

var rows = []row{
	{name: "batch 10, 1 KB", load: usual},
	{name: "batch 1, 1 KB", load: with(func(l *load) { l.Batch = 1 })},
	{name: "batch 10, 10 KB", load: with(func(l *load) { l.Body = 10 << 10 })},
	{name: "batch 1, 10 KB", load: with(func(l *load) { l.Batch, l.Body = 1, 10<<10 })},
	{name: "batch 10, endpoint takes 20 ms", load: usual, after: 20 * time.Millisecond},
	{name: reference, load: usual, after: slow},
	{name: "batch 10, a new TLS connection each", load: usual, tls: true},
	{name: "batch 100, endpoints take 200 ms", load: with(func(l *load) {
		l.Batch, l.Webhooks = 100, 100
	}), after: slow},
	{name: "to 10 of 1,000 accounts' webhooks", load: toSomeOf(10, 1_000)},
	{name: "to 10 of 100,000", load: toSomeOf(10, 100_000)},
	{name: "each to another of 100,000", load: toSomeOf(0, 100_000)},
	{name: "each to another of 1,000", load: toSomeOf(0, 1_000)},
	{name: "each to another of 100,000, of a backlog", load: with(func(l *load) {
		l.Webhooks, l.Late = 100_000, true
	})},
	{name: "batch 10, 100,000 retries pending", load: with(func(l *load) { l.Pending = 100_000 })},
	{name: "a sweep, 100,000 retries pending", load: with(func(l *load) {
		l.Kind, l.Batch, l.Pending = "sweep", 0, 100_000
	})},
	{name: "a retry that is due, sent by a sweep", load: with(func(l *load) {
		l.Kind, l.Batch, l.Pending = "sweep", 100, 100_000
	})},
	{name: idlePull, load: with(func(l *load) { l.Kind, l.Batch = "pull", 1 })},
	{name: fanOut1, load: with(func(l *load) { l.Kind, l.Webhooks = "pipeline", 1 })},
	{name: fanOut10, load: with(func(l *load) { l.Kind, l.Webhooks = "pipeline", 10 })},
	{name: "send-events, to 10 webhooks' final states", load: with(func(l *load) {
		l.Kind, l.Webhooks = "external", 10
	})},
}

// The rows that the bill uses.
const (
	reference = "batch 10, endpoint takes 200 ms"
	fanOut1   = "event to 1 webhook, to its final state"
	fanOut10  = "event to 10 webhooks, to their final states"
)

// residentMost is the function's memory limit for this benchmark, in bytes.
const residentMost = 64e6

// table measures the wanted rows, and prints them and the price of a million deliveries.
func (b *bench) table(ctx context.Context, out io.Writer, wanted *regexp.Regexp) error {
	fmt.Fprintf(out, "%s of each, %d CPUs, %s. A delivery is a first attempt that succeeds, each event new, signed by "+
		"%d keys. Of the plain loop: of one\n", b.rowFor, runtime.NumCPU(), runtime.Version(), keys)
	fmt.Fprintf(out, "that signs and posts the same, as many at once, to the same endpoints. AWS requests, write and "+
		"read units: each. Dollars: %s\n\n", perMillionHeld)
	fmt.Fprintf(out, "%-46s%11s%10s%9s%9s%8s%8s%8s%12s\n", "", "per CPU-s", "of plain", "allocs", "AWS req", "WU",
		"RU", "MB", "$/million")
	measured := map[string]result{}
	for _, row := range rows {
		if !wanted.MatchString(row.name) {
			continue
		}
		r, limit, err := b.measure(ctx, row)
		if err != nil {
			return err
		}
		speed := fmt.Sprintf("%11.0f%10s%9.0f", r.rate(), "", r.perDelivery(float64(r.Mallocs)))
		switch {
		case limit.Deliveries > 0:
			speed = fmt.Sprintf("%11.0f%10.2f%9.0f", r.rate(), r.rate()/limit.rate(), r.perDelivery(float64(r.Mallocs)))
		// the same process also commits, which is the API's work
		case row.load.Kind == "pipeline", row.load.Kind == "external":
			speed = fmt.Sprintf("%11s%10s%9s", "", "", "")
		}
		cost := ""
		if row.load.Kind == "delivery" {
			cost = fmt.Sprintf("%.2f", perMillion(r))
		}
		fmt.Fprintf(out, "%-46s%s%9.2f%8.2f%8.2f%8.0f%12s\n", row.name, speed,
			r.perDelivery(float64(r.Counts.all())), r.perDelivery(r.Counts.WriteUnits),
			r.perDelivery(r.Counts.ReadUnits), float64(r.Resident)/1e6, cost)
		measured[row.name] = r
		switch {
		case r.Goroutines > 0:
			return fmt.Errorf("%s: %d goroutines are left", row.name, r.Goroutines)
		case row.load.Kind == "delivery" && r.Resident > residentMost:
			return fmt.Errorf("%s: %.0f MB are more than %.0f", row.name, float64(r.Resident)/1e6, residentMost/1e6)
		}
	}
	if r := measured[idlePull]; r.Deliveries > 0 {
		billIdle(out, r)
	}
	if all := []result{measured[reference], measured[fanOut1], measured[fanOut10]}; all[0].Deliveries > 0 &&
		all[1].Deliveries > 0 && all[2].Deliveries > 0 {
		sent, err := b.sent(ctx)
		if err != nil {
			return err
		}
		bill(out, all[0], all[1], all[2], sent)
	}
	return nil
}

// turn is how long the load or its plain loop runs at a time. It is longer with slow endpoints, so that a target
// cached for two seconds serves a realistic number of batches.
func (r row) turn() time.Duration { return 50*time.Millisecond + 20*r.after }

// measure runs the row's load and its plain loop, if any, in turns, in two new processes.
func (b *bench) measure(ctx context.Context, of row) (r, limit result, err error) {
	l := of.load
	l.URL = b.url(of)
	about := l
	if about.Kind != "pipeline" && about.Kind != "external" {
		about.Kind = ""
	}
	about.Batch, about.Body, about.Heard, about.Late = 0, 0, 0, false
	if laid := encode(about); b.laidOut != laid {
		if err := b.command(ctx, "layout", l).Run(); err != nil {
			return r, limit, fmt.Errorf("lay out %s: %w", laid, err)
		}
		b.laidOut = laid
	}
	var processes []*process
	for _, kind := range []string{l.Kind, "plain"} {
		if l.Kind != "delivery" && kind == "plain" {
			break
		}
		l.Kind = kind
		p, err := b.worker(ctx, l)
		if err != nil {
			return r, limit, err
		}
		defer p.Process.Kill() // no effect on a process that has ended
		processes = append(processes, p)
	}
	for end := time.Now().Add(b.rowFor * time.Duration(len(processes))); time.Now().Before(end); {
		for _, p := range processes {
			if err := p.turn(of.turn()); err != nil {
				return r, limit, err
			}
		}
	}
	if r, err = processes[0].result(); err != nil || len(processes) == 1 {
		return r, limit, err
	}
	limit, err = processes[1].result()
	return r, limit, err
}

func (b *bench) url(r row) string {
	url := "http://" + b.receiver
	if r.tls {
		url = "https://" + b.secured
	}
	return url + "/?after=" + r.after.String()
}

// sent is how many bytes a usual delivery sends to a receiver.
func (b *bench) sent(ctx context.Context) (float64, error) {
	of := row{load: usual}
	l := of.load
	l.URL = b.url(of)
	if _, err := b.read(); err != nil {
		return 0, err
	}
	if err := b.command(ctx, "layout", l).Run(); err != nil {
		return 0, err
	}
	p, err := b.worker(ctx, l)
	if err != nil {
		return 0, err
	}
	if err := p.turn(of.turn()); err != nil {
		return 0, err
	}
	r, err := p.result()
	if err != nil {
		return 0, err
	}
	read, err := b.read()
	return float64(read) / float64(r.Deliveries+l.Batch), err // the first batch is sent and not measured
}

// read is how many bytes the receiver got since the call before.
func (b *bench) read() (n int64, err error) {
	response, err := http.Get("http://" + b.receiver + "/read")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = fmt.Fscan(response.Body, &n)
	return n, err
}
