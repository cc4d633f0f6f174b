package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"plugboard/shared/store"
)

// The verbs. Each allows what it names on that one resource and no more; a transaction needs the actions of the
// writes in it.

// Readable is what a function can read.
type Readable interface {
	Box
	reading() Grant
}

// Reads gets a table's items, one or a partition's, or fetches a secret's value.
func (f *Function) Reads(from Readable) { f.arrow("reads", from, from.reading()) }

func (t *Table) reading() Grant { return t.grant("dynamodb:GetItem", "dynamodb:Query") }

// QueriesIndexOf gets items by the table's index, which shows other partitions than the table does.
func (f *Function) QueriesIndexOf(table *Table) {
	grant := table.grant("dynamodb:Query")
	grant.Resource = table.indexARN()
	f.arrow("queries the index of", table, grant)
}

func (t *Table) indexARN() *string {
	return jsii.String(*t.table.TableArn() + "/index/" + t.Index.Name)
}

// ReadsManyOf gets items by their keys, many at a call.
func (f *Function) ReadsManyOf(from *Table) {
	f.arrow("reads many of", from, from.grant("dynamodb:BatchGetItem"))
}

// Queries gets a table's items by partition only.
func (f *Function) Queries(from *Table) { f.arrow("queries", from, from.grant("dynamodb:Query")) }

// Searches gets a table's items by partition, of the table or its index.
func (f *Function) Searches(table *Table) {
	grant := table.grant("dynamodb:Query")
	grant.Besides = &Grant{Actions: []string{"dynamodb:Query"}, Resource: table.indexARN()}
	f.arrow("searches", table, grant)
}

func (s *Secret) reading() Grant {
	return Grant{
		Actions:  []string{"secretsmanager:GetSecretValue"},
		Resource: s.secret.SecretArn(),
		Env:      map[string]*string{env(s.Name, "SECRET"): s.secret.SecretArn()},
	}
}

// Writes puts, changes and deletes items, alone or in transactions.
func (f *Function) Writes(to *Table) {
	f.arrow("writes", to, to.grant("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"))
}

// PutsAndDeletes writes whole items, alone or in transactions.
func (f *Function) PutsAndDeletes(table *Table) {
	f.arrow("puts and deletes in", table, table.grant("dynamodb:PutItem", "dynamodb:DeleteItem"))
}

// Checks lets a transaction depend on items that it does not write.
func (f *Function) Checks(table *Table) {
	f.arrow("checks", table, table.grant("dynamodb:ConditionCheckItem"))
}

// Updates changes attributes of items.
func (f *Function) Updates(table *Table) {
	f.arrow("updates", table, table.grant("dynamodb:UpdateItem"))
}

// WritesManyTo puts and deletes items in batches.
func (f *Function) WritesManyTo(to *Table) {
	f.arrow("writes many to", to, to.grant("dynamodb:BatchWriteItem"))
}

// Puts writes whole items.
func (f *Function) Puts(table *Table) {
	f.arrow("puts into", table, table.grant("dynamodb:PutItem"))
}

// Calls runs the other function and waits for its answer.
func (f *Function) Calls(other *Function) {
	f.arrow("calls", other, Grant{
		Actions: []string{"lambda:InvokeFunction"}, Resource: other.function.FunctionArn(),
		Env: map[string]*string{env(string(other.Name), "FUNCTION"): other.function.FunctionName()},
	})
}

// Sweeps reads items in their order, removes them, mostly in batches, and notes how far it came.
func (f *Function) Sweeps(table *Table) {
	f.arrow("sweeps", table, table.grant("dynamodb:GetItem", "dynamodb:Query", "dynamodb:BatchWriteItem",
		"dynamodb:PutItem", "dynamodb:DeleteItem"))
}

// Deletes removes items, alone or in transactions.
func (f *Function) Deletes(from *Table) {
	f.arrow("deletes from", from, from.grant("dynamodb:DeleteItem"))
}

func (t *Table) grant(actions ...string) Grant {
	return Grant{
		Actions:  actions,
		Resource: t.table.TableArn(),
		Env:      map[string]*string{env(t.Name, "TABLE"): t.table.TableName()},
	}
}

// Seals wraps data keys and unwraps them.
func (f *Function) Seals(with *Key) {
	f.arrow("seals with", with, with.grant("kms:GenerateDataKey", "kms:Decrypt"))
}

// Unseals unwraps data keys.
func (f *Function) Unseals(with *Key) { f.arrow("unseals with", with, with.grant("kms:Decrypt")) }

func (k *Key) grant(actions ...string) Grant {
	return Grant{
		Actions:  actions,
		Resource: k.key.KeyArn(),
		Env:      map[string]*string{env(k.Name, "KEY_ARN"): k.key.KeyArn()},
	}
}

// SendsTo sends messages, alone or in batches.
func (f *Function) SendsTo(to *Queue) { f.arrow("sends to", to, to.sending()) }

// SendsBackTo sends to the queue that the function works off, for a later try. Lambda takes that for a runaway
// loop, and would drop the message after about 16 rounds.
func (f *Function) SendsBackTo(to *Queue) {
	f.arrow("sends back to", to, to.sending())
	f.function.Node().DefaultChild().(awslambda.CfnFunction).SetRecursiveLoop(jsii.String("Allow"))
}

// SendsTo sends the message, as JSON, each time the schedule fires. The queue takes it from this rule alone.
func (s *Schedule) SendsTo(to *Queue, message any) {
	body, err := json.Marshal(message)
	if err != nil {
		panic(fmt.Sprintf("infra: what %s sends is no JSON: %v", s.Name, err))
	}
	s.rule.SetTargets([]any{awsevents.CfnRule_TargetProperty{Id: jsii.String(to.Name), Arn: to.queue.AttrArn(),
		Input: jsii.String(string(body))}})
	grant := Grant{Actions: []string{"sqs:SendMessage"}, Resource: to.queue.AttrArn()}
	// A queue has one policy: a second resource would replace the first.
	to.policy.SetPolicyDocument(policyDocument(overTLSOnly("sqs:*", to.queue.AttrArn()), map[string]any{
		"Effect": "Allow", "Principal": map[string]any{"Service": "events.amazonaws.com"},
		"Action": grant.Actions[0], "Resource": grant.Resource,
		"Condition": map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": s.rule.AttrArn()}},
	}))
	s.drawing.Arrows = append(s.drawing.Arrows, Arrow{From: s, Verb: "sends to", To: to, Grant: grant})
}

// Wakes calls the function each time the schedule fires. Lambda repeats a failed call twice; the next call does the
// rest.
func (s *Schedule) Wakes(fn *Function) {
	s.rule.SetTargets([]any{awsevents.CfnRule_TargetProperty{Id: jsii.String(string(fn.Name)),
		Arn: fn.function.FunctionArn()}})
	awslambda.NewCfnPermission(fn.function, jsii.String(s.Name), &awslambda.CfnPermissionProps{
		Action: jsii.String("lambda:InvokeFunction"), FunctionName: fn.function.FunctionArn(),
		Principal: jsii.String("events.amazonaws.com"), SourceArn: s.rule.AttrArn(),
	})
	s.drawing.Arrows = append(s.drawing.Arrows, Arrow{From: s, Verb: "wakes", To: fn})
}

func (q *Queue) sending() Grant {
	return Grant{
		Actions:  []string{"sqs:SendMessage"},
		Resource: q.queue.AttrArn(),
		Env:      map[string]*string{env(q.Name, "QUEUE_URL"): q.queue.Ref()},
	}
}

// Trusts takes the issuer's word on who a dashboard user is.
func (f *Function) Trusts(issuer *Outside) { f.arrow("trusts", issuer, Grant{Env: issuer.env}) }

// SignsInWith sends people to the issuer, and exchanges the codes with which they come back to the console's address.
func (f *Function) SignsInWith(issuer *Outside) {
	from, at := f.drawing.stage.Issuer, f.drawing.stage.Console
	f.arrow("signs in with", issuer, Grant{Env: map[string]*string{
		"CONSOLE_ADDRESS": jsii.String(at.Address), "CONSOLE_NAME": jsii.String(at.Name),
		"OIDC_AUTHORIZATION_URL": jsii.String(from.AuthorizationURL), "OIDC_TOKEN_URL": jsii.String(from.TokenURL),
		"OIDC_OPERATOR_CLAIM": jsii.String(from.OperatorClaim),
		"CONSOLE_ACCENT":      jsii.String(at.Theme.Accent), "CONSOLE_LOGO": jsii.String(at.Theme.Logo),
		"CONSOLE_FRAME_ORIGINS": jsii.String(strings.Join(at.FrameOrigins, ",")),
	}})
}

// ChecksURLsOf refuses those that PostsTo would not dial, when they are given.
func (f *Function) ChecksURLsOf(endpoints *Outside) {
	f.arrow("checks URLs of", endpoints, Grant{Env: endpoints.env})
}

// PostsTo dials addresses that others chose.
func (f *Function) PostsTo(endpoints *Outside) {
	f.arrow("posts to", endpoints, Grant{Env: endpoints.env})
}

// Batches is how a queue is worked off.
type Batches struct {
	Size float64 // messages, at most 10 without a batching window
	Most float64 // batches at once, at least 2
}

// Feeds has the function work off the queue, message by message: what it does not report as failed is done.
func (q *Queue) Feeds(to *Function, batches Batches) {
	// Lambda asks for six times the function's timeout, so that a throttled batch is not handed out twice.
	q.queue.SetVisibilityTimeout(jsii.Number((6 * to.Timeout).Seconds()))
	consume := to.feed(q, Grant{
		Actions:  []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
		Resource: q.queue.AttrArn(),
	})
	consume.ApplyBefore(awslambda.NewCfnEventSourceMapping(to.function, jsii.String(q.Name),
		&awslambda.CfnEventSourceMappingProps{
			FunctionName:          to.function.FunctionName(),
			EventSourceArn:        q.queue.AttrArn(),
			BatchSize:             jsii.Number(batches.Size),
			FunctionResponseTypes: jsii.Strings("ReportBatchItemFailures"),
			ScalingConfig: awslambda.CfnEventSourceMapping_ScalingConfigProperty{
				MaximumConcurrency: jsii.Number(batches.Most)},
		}))
}

// Feeds has the function hear of new outbox items, in their order per partition key. It fails whole batches: a
// failed one is halved and tried again, 10 times or 6 hours at most (a stream keeps 24), then <function>-dead
// gets where in the stream it was.
func (t *Table) Feeds(to *Function) {
	dead := t.drawing.deadQueue(string(to.Name) + "-dead")
	consume := to.feed(t, Grant{
		// Lambda asks for ListStreams too, and takes it on the stream.
		Actions: []string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator",
			"dynamodb:ListStreams"},
		Resource: t.table.TableStreamArn(),
	})
	report := to.allow(Grant{Actions: []string{"sqs:SendMessage"}, Resource: dead.AttrArn()})
	mapping := awslambda.NewCfnEventSourceMapping(to.function, jsii.String("stream"),
		&awslambda.CfnEventSourceMappingProps{
			FunctionName:     to.function.FunctionName(),
			EventSourceArn:   t.table.TableStreamArn(),
			StartingPosition: jsii.String("TRIM_HORIZON"), // LATEST would miss what is written while the mapping starts
			FilterCriteria: awslambda.CfnEventSourceMapping_FilterCriteriaProperty{
				Filters: []any{awslambda.CfnEventSourceMapping_FilterProperty{
					// By the key `dynamodb` alone: Lambda documents no other, so that the function looks at the event's
					// name itself. https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html
					Pattern: jsii.String(`{"dynamodb":{"NewImage":{"` + store.OutboxAttribute +
						`":{"S":[{"exists":true}]}}}}`),
				}},
			},
			BatchSize:                  jsii.Number(100),
			ParallelizationFactor:      jsii.Number(4),
			BisectBatchOnFunctionError: true,
			MaximumRetryAttempts:       jsii.Number(10),
			MaximumRecordAgeInSeconds:  jsii.Number((6 * time.Hour).Seconds()),
			DestinationConfig: awslambda.CfnEventSourceMapping_DestinationConfigProperty{
				OnFailure: awslambda.CfnEventSourceMapping_OnFailureProperty{Destination: dead.AttrArn()},
			},
		})
	consume.ApplyBefore(mapping)
	report.ApplyBefore(mapping)

	d := t.drawing
	d.alarm(to.function, "backlog", streamBacklog, "The oldest outbox item has waited for more than "+
		d.stage.Backlog.String()+".",
		to.function.Metric(jsii.String("IteratorAge"), &awscloudwatch.MetricOptions{
			Statistic: jsii.String("Maximum"),
			Period:    awscdk.Duration_Minutes(jsii.Number(1)),
		}), float64(d.stage.Backlog.Milliseconds()))
}

// arrow draws one from the function, and allows it.
func (f *Function) arrow(verb string, to Box, grant Grant) {
	f.drawing.Arrows = append(f.drawing.Arrows, Arrow{From: f, Verb: verb, To: to, Grant: grant})
	f.allow(grant)
}

// feed draws an arrow to the function, and allows it to take what comes.
func (f *Function) feed(from Box, grant Grant) awsiam.Grant {
	f.drawing.Arrows = append(f.drawing.Arrows, Arrow{From: from, Verb: "feeds", To: f, Grant: grant})
	return f.allow(grant)
}

// allow gives the function's role the grant's actions, and the function its variables.
func (f *Function) allow(grant Grant) awsiam.Grant {
	for name, value := range grant.Env {
		f.function.AddEnvironment(jsii.String(name), value, nil)
	}
	if grant.Besides != nil {
		f.allow(*grant.Besides)
	}
	if len(grant.Actions) == 0 {
		return nil
	}
	return awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      f.role,
		Actions:      jsii.Strings(grant.Actions...),
		ResourceArns: &[]*string{grant.Resource},
	})
}

// env is a variable's name: ("platform-key", "SECRET") is PLATFORM_KEY_SECRET.
func env(box, what string) string { return strings.ToUpper(variable(box)) + "_" + what }
