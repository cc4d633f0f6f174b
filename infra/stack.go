// Package main is the deployment: one CDK stack, drawn in this file as boxes and then arrows. Every arrow's verb
// grants exactly what the arrow needs, tells the function where the other end is, and appears in README's drawing.
// stages.go holds what differs between deployments; the kinds of box and the verbs have a file each.
package main

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"plugboard/events"
	"plugboard/shared/contract"
	"plugboard/shared/metric"
	"plugboard/shared/store"
)

// replaysMost is how many replays' pages are worked at once, on every stage: each takes a second or two, with a pause
// of three after it, so that some 20 replays go on side by side at their full pace.
const replaysMost = 10

// Plugboard draws the whole bundle for one stage. The functions' code is taken from the folder build.
func Plugboard(app awscdk.App, stage Stage, build string) *Drawing {
	d := NewDrawing(app, stage, build)

	// Functions that answer HTTP. API Gateway gives up after 29 s, so each function ends before that.
	api := d.API()
	catalogue := d.Function(contract.Catalogue, 20*time.Second)
	enablement := d.Function(contract.Enablement, 20*time.Second)
	dataFields := d.Function(contract.DataFields, 20*time.Second)
	contracts := d.Function(contract.Contracts, 28*time.Second) // an import works for up to 24
	webhooks := d.Function(contract.Webhooks, 20*time.Second)
	console := d.Function(contract.Console, 20*time.Second)

	// What works behind it.
	fanout := d.Function("fanout", time.Minute)
	provisioning := d.Function("provisioning", time.Minute)
	delivery := d.Function("delivery", time.Minute)
	redelivery := d.Function("redelivery", time.Minute)
	replay := d.Function("replay", time.Minute)

	// What remembers: state, and a log that expires.
	accounts := d.Table(store.AccountsTable)
	deliveryLog := d.Table(store.DeliveriesTable)

	// What waits.
	provisions := d.Queue("provisions")
	deliveries := d.Queue("deliveries")
	slowDeliveries := d.Queue("slow-deliveries")
	replays := d.Queue("replays")

	// What happens by itself.
	everyDay := d.Schedule("every-day", 24*time.Hour)
	everyMinute := d.Schedule("every-minute", time.Minute)

	// What is secret.
	sealing := d.Key("sealing")
	platformKey := d.Secret("platform-key")
	cursorKey := d.Secret("cursor-key") // by which lists know their own cursors

	// What is not ours.
	issuer := d.Issuer("the platform's sign-in")
	endpoints := d.Endpoints("partners' endpoints")

	// A request comes in.
	for _, fn := range []*Function{catalogue, enablement, dataFields, contracts, webhooks} {
		api.Calls(fn)
		fn.Trusts(issuer)
		fn.Reads(platformKey)
		fn.Reads(cursorKey)
		fn.Reads(accounts)
		fn.Writes(accounts)
	}
	for _, fn := range []*Function{catalogue, enablement, contracts, webhooks} {
		fn.Checks(accounts)
	}
	catalogue.ReadsManyOf(accounts)
	contracts.ReadsManyOf(accounts)
	contracts.QueriesIndexOf(accounts)
	contracts.WritesManyTo(accounts) // events of contracts kept elsewhere
	catalogue.Seals(sealing)
	enablement.Seals(sealing)
	webhooks.Seals(sealing)
	catalogue.ChecksURLsOf(endpoints)
	webhooks.ChecksURLsOf(endpoints)
	webhooks.Searches(deliveryLog)
	webhooks.ReadsManyOf(accounts)
	webhooks.Updates(deliveryLog)      // the lease of an agent
	webhooks.Deletes(deliveryLog)      // what an agent acknowledged
	webhooks.WritesManyTo(deliveryLog) // what listeners report

	// The console's pages. The console calls the services of the functions above in its own process, so it needs all
	// of their grants.
	api.Calls(console)
	console.Trusts(issuer)
	console.SignsInWith(issuer)
	console.Reads(platformKey) // by which the platform asks for links to pages
	console.Reads(cursorKey)
	console.Reads(accounts)
	console.Writes(accounts)
	console.Checks(accounts)
	console.ReadsManyOf(accounts)
	console.QueriesIndexOf(accounts)
	console.WritesManyTo(accounts)
	console.Seals(sealing)
	console.ChecksURLsOf(endpoints)
	console.Searches(deliveryLog)
	console.Updates(deliveryLog)
	console.Deletes(deliveryLog)
	console.WritesManyTo(deliveryLog)

	// What it changed is heard.
	accounts.Feeds(fanout)
	fanout.Reads(accounts)
	fanout.ReadsManyOf(accounts)
	fanout.WritesManyTo(accounts)
	fanout.SendsTo(provisions)
	fanout.SendsTo(deliveries)
	fanout.SendsTo(slowDeliveries)
	fanout.SendsTo(replays)
	fanout.WritesManyTo(deliveryLog) // what waits for a breaker to close, or for an agent
	fanout.Queries(deliveryLog)
	fanout.Puts(deliveryLog) // what listeners pull

	// An extension is provisioned.
	provisions.Feeds(provisioning, Batches{Size: 5, Most: stage.ProvisioningMost})
	provisioning.Reads(accounts)
	provisioning.Writes(accounts)
	provisioning.Checks(accounts)
	provisioning.Seals(sealing)

	// Every day it is compared with what it should be.
	everyDay.SendsTo(provisions, events.DailyCheck())

	// An account is deleted, with the log of its deliveries.
	provisioning.QueriesIndexOf(accounts)
	provisioning.Queries(deliveryLog)
	provisioning.Deletes(deliveryLog)

	// An event is delivered, and tried again.
	deliveries.Feeds(delivery, Batches{Size: 10, Most: stage.DeliveryMost})
	slowDeliveries.Feeds(delivery, Batches{Size: 10, Most: stage.SlowDeliveryMost})
	delivery.Reads(accounts)
	delivery.ReadsManyOf(accounts)
	delivery.Checks(accounts)
	delivery.PutsAndDeletes(accounts) // a webhook's health, and the events of it
	delivery.Unseals(sealing)
	delivery.PostsTo(endpoints)
	delivery.UsesFixedAddresses(webhooks, console)
	delivery.Queries(deliveryLog)
	delivery.WritesManyTo(deliveryLog)
	delivery.Updates(deliveryLog)
	delivery.SendsBackTo(deliveries)
	delivery.SendsBackTo(slowDeliveries)

	// What failed is sent again on demand, page by page.
	replays.Feeds(replay, Batches{Size: 1, Most: replaysMost})
	replay.Reads(accounts)
	replay.PutsAndDeletes(accounts)
	replay.Searches(deliveryLog)
	replay.Puts(deliveryLog) // what listeners pull
	replay.SendsTo(slowDeliveries)

	// Redelivery sends due deliveries, and parked deliveries once their endpoint is back.
	everyMinute.Wakes(redelivery)
	redelivery.Sweeps(deliveryLog)
	redelivery.Reads(accounts)
	redelivery.SendsTo(deliveries)
	redelivery.SendsTo(slowDeliveries)

	// What was forgotten between the table and the queues is handed over again.
	redelivery.ReadsManyOf(accounts)
	redelivery.WritesManyTo(accounts)
	redelivery.Puts(accounts)
	redelivery.Calls(fanout)

	// What redelivery finds every minute that should not be, and its silence.
	d.RunbookRowsOf(metric.Unsent, "Events were accepted more than a minute ago, and nobody has sent them on.")
	d.RunbookRowsOf(metric.Overdue, "Retries are sent more than two minutes after their time.")

	d.Dashboard()
	return d
}
