package capture

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"plugboard/shared/domain"
)

// variant is a part as it may have been before something changed it.
type variant struct {
	value   string
	finding Finding
}

// explain looks for one changed part that makes the signature right, then for the changes of two parts together.
func (d *diagnosis) explain() []Finding {
	ids, times, bodies := d.ids(), d.timestamps(), bodies(d.request.Body)
	r := d.request
	for _, body := range bodies {
		if d.signs(r.ID, r.Timestamp, []byte(body.value)) {
			return []Finding{body.finding}
		}
	}
	for _, id := range ids {
		if d.signs(id.value, r.Timestamp, r.Body) {
			return []Finding{id.finding}
		}
	}
	for _, at := range times {
		if d.signs(r.ID, at.value, r.Body) {
			return []Finding{at.finding}
		}
	}
	if at, ok := d.nearTimestamp(); ok {
		return []Finding{at}
	}
	same := func(v string) []variant { return []variant{{value: v}} }
	for _, id := range append(same(r.ID), ids...) {
		for _, at := range append(same(r.Timestamp), times...) {
			for _, body := range append(same(string(r.Body)), bodies...) {
				if d.signs(id.value, at.value, []byte(body.value)) {
					return slices.DeleteFunc(
						[]Finding{id.finding, at.finding, body.finding},
						func(f Finding) bool { return f == Finding{} },
					)
				}
			}
		}
	}
	return []Finding{d.guess()}
}

// ids are what the id may have been: with blanks, or the delivery's own where another id was put.
func (d *diagnosis) ids() []variant {
	var all []variant
	add := func(id, format string, args ...any) {
		if id != d.request.ID && id != "" {
			all = append(all, variant{id, Finding{PartID, fmt.Sprintf(format, args...)}})
		}
	}
	add(strings.TrimSpace(d.request.ID), "webhook-id has blanks around it, which are not signed.")
	if event := d.event(); event != "" && d.expect.Webhook != "" {
		id := string(domain.DeliveryOf(event, d.expect.Webhook))
		add(
			id,
			"webhook-id is %s; the signature is over %s, the delivery of the body's event to %s.",
			d.request.ID,
			id,
			d.expect.Webhook,
		)
	}
	add(strings.ToLower(d.request.ID), "webhook-id was written in capital letters.")
	return all
}

// event is the id of the body's event, if it has one.
func (d *diagnosis) event() domain.EventID {
	var body struct {
		ID domain.EventID `json:"id"`
	}
	json.Unmarshal(d.request.Body, &body)
	return body.ID
}

// timestamps are what the timestamp may have been, of one that is in another form.
func (d *diagnosis) timestamps() []variant {
	given := d.request.Timestamp
	seconds := func(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
	var all []variant
	if n, err := strconv.ParseInt(given, 10, 64); err == nil {
		all = append(
			all,
			variant{
				seconds(time.UnixMilli(n)),
				Finding{PartTimestamp, "webhook-timestamp is in milliseconds; the signature is over seconds."},
			},
		)
		return all
	}
	for _, layout := range []string{time.RFC3339Nano, time.RFC1123, time.RFC1123Z} {
		if at, err := time.Parse(layout, given); err == nil {
			all = append(
				all,
				variant{
					seconds(at),
					Finding{
						PartTimestamp,
						fmt.Sprintf(
							"webhook-timestamp is %q; the signature is over the seconds since 1970, %s.",
							given,
							seconds(at),
						),
					},
				},
			)
		}
	}
	return all
}

// searched is how far from the given timestamp the signed one is looked for. Each step is one HMAC.
const searched = 24 * time.Hour

// nearTimestamp finds the timestamp that was signed when another one is given.
func (d *diagnosis) nearTimestamp() (Finding, bool) {
	given, err := strconv.ParseInt(d.request.Timestamp, 10, 64)
	if err != nil {
		return Finding{}, false
	}
	for off := int64(1); off <= int64(searched/time.Second); off++ {
		for _, at := range []int64{given - off, given + off} {
			if d.signs(d.request.ID, strconv.FormatInt(at, 10), d.request.Body) {
				return Finding{
					PartTimestamp,
					fmt.Sprintf("webhook-timestamp is %d; the signature is over %d.", given, at),
				}, true
			}
		}
	}
	return Finding{}, false
}

// guess says what is left when no change of a part explains the signature.
func (d *diagnosis) guess() Finding {
	body := d.request.Body
	switch {
	case len(body) == 0:
		return Finding{PartBody, "The body is empty."}
	case !json.Valid(body):
		return Finding{
			PartBody,
			"The body is no JSON, so it is not complete. Keep the bytes as they came, before anything parses them.",
		}
	case !compact(body):
		return Finding{
			PartEncoding,
			"The body is JSON with blanks between its values, and Plugboard sends none: something has written the " +
				"JSON anew. Keep the bytes as they came.",
		}
	case d.expect.Webhook != "" && d.event() != "" &&
		string(domain.DeliveryOf(d.event(), d.expect.Webhook)) != d.request.ID:
		return Finding{
			PartID,
			fmt.Sprintf(
				"webhook-id is %s, and the delivery of the body's event to %s is %s: the request is of another "+
					"webhook, or its parts are of two requests.",
				d.request.ID,
				d.expect.Webhook,
				domain.DeliveryOf(d.event(), d.expect.Webhook),
			),
		}
	}
	return Finding{
		PartSecret,
		"No change of id, timestamp or body explains the signature, so the secret is another one: that of another " +
			"webhook, or one from before or after a rotation. If the body was changed, its form does not show it.",
	}
}
