package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"plugboard/shared/contract"
	"plugboard/shared/store"
)

// The kinds of box. Each is the AWS resource with what must always come with it; none grants anything.

// Function is a Lambda: the folder functions/<name>, built to <build>/<GOARCH>/<name>/bootstrap. Its role may
// write the function's own log and nothing else until an arrow says so. There is no X-Ray tracing: its IAM
// actions cannot be limited to a resource.
type Function struct {
	Name    contract.Function
	Timeout time.Duration

	drawing  *Drawing
	function awslambda.Function
	role     awsiam.Role
}

// garbage is Go's GOGC: how much a heap may grow, in percent, before it is collected. A function's heap is some 5 MB of
// its 512, and at Go's own 100 a tenth of delivery's CPU time goes into collecting it (`make bench`).
const garbage = "400"

// Function adds one. A new function has the variables STAGE and GOGC only.
func (d *Drawing) Function(name contract.Function, timeout time.Duration) *Function {
	scope := constructs.NewConstruct(d.Stack, jsii.String(string(name)))
	role := awsiam.NewRole(scope, jsii.String("role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	log := awslogs.NewLogGroup(scope, jsii.String("log"), &awslogs.LogGroupProps{
		Retention:     d.stage.LogRetention,
		RemovalPolicy: d.kept(),
	})
	log.GrantWrite(role)
	f := &Function{
		Name:    name,
		Timeout: timeout,
		drawing: d,
		role:    role,
		function: awslambda.NewFunction(scope, jsii.String("function"), &awslambda.FunctionProps{
			Architecture: map[string]awslambda.Architecture{
				"amd64": awslambda.Architecture_X86_64(),
				"arm64": awslambda.Architecture_ARM_64(),
			}[d.stage.Architecture],
			Code: awslambda.Code_FromAsset(
				jsii.String(filepath.Join(d.build, d.stage.Architecture, string(name))), nil),
			Environment: &map[string]*string{"STAGE": jsii.String(d.stage.Name), "GOGC": jsii.String(garbage)},
			Handler:     jsii.String("bootstrap"),
			LogGroup:    log,
			MemorySize:  jsii.Number(d.stage.Memory.MB(name)),
			Role:        role,
			Runtime:     awslambda.Runtime_PROVIDED_AL2023(),
			Timeout:     awscdk.Duration_Seconds(jsii.Number(timeout.Seconds())),
		}),
	}
	d.boxes = append(d.boxes, f)
	d.Functions = append(d.Functions, f)
	d.watchFunction(f)
	d.output(goName(string(name))+"Function", f.function.FunctionName())
	return f
}

func (f *Function) node() string  { return string(f.Name) }
func (f *Function) shape() string { return "[" + string(f.Name) + "]" }

// Table is a DynamoDB table as the store declares it.
type Table struct {
	store.Table

	drawing *Drawing
	table   awsdynamodb.ITable
}

// Table adds one: on-demand, expiring items, with its index; or takes what was restored in its place.
func (d *Drawing) Table(declared store.Table) *Table {
	t := &Table{Table: declared, drawing: d}
	if restored := d.stage.Restored; restored.Of == declared.Name {
		t.table = awsdynamodb.Table_FromTableAttributes(d.tables, jsii.String(declared.Name),
			&awsdynamodb.TableAttributes{
				TableName: &restored.Table, TableStreamArn: &restored.Stream,
			})
	} else {
		t.table = d.newTable(declared)
	}
	d.boxes = append(d.boxes, t)
	d.watchTable(t)
	d.output(goName(declared.Name)+"Table", t.table.TableName())
	return t
}

func (d *Drawing) newTable(declared store.Table) awsdynamodb.Table {
	keep := d.removal(true)
	props := &awsdynamodb.TableProps{
		PartitionKey: &awsdynamodb.Attribute{Name: jsii.String(store.PartitionKey),
			Type: awsdynamodb.AttributeType_STRING},
		SortKey: &awsdynamodb.Attribute{Name: jsii.String(store.SortKey),
			Type: awsdynamodb.AttributeType_STRING},
		BillingMode:         awsdynamodb.BillingMode_PAY_PER_REQUEST,
		TimeToLiveAttribute: jsii.String(store.ExpiresAt),
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(declared.Restorable),
		},
		DeletionProtection: jsii.Bool(keep == awscdk.RemovalPolicy_RETAIN),
		RemovalPolicy:      keep,
	}
	if declared.Stream {
		props.Stream = awsdynamodb.StreamViewType_NEW_IMAGE
	}
	table := awsdynamodb.NewTable(d.tables, jsii.String(declared.Name), props)
	if index := declared.Index; index != nil {
		table.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
			IndexName:        &index.Name,
			PartitionKey:     &awsdynamodb.Attribute{Name: &index.PartitionKey, Type: awsdynamodb.AttributeType_STRING},
			SortKey:          &awsdynamodb.Attribute{Name: &index.SortKey, Type: awsdynamodb.AttributeType_STRING},
			ProjectionType:   awsdynamodb.ProjectionType_INCLUDE,
			NonKeyAttributes: jsii.Strings(index.Includes...),
		})
	}
	return table
}

func (t *Table) node() string  { return t.Name + "_table" }
func (t *Table) shape() string { return "[(" + t.Name + " table)]" }

// Queue is a standard queue with the queue of what failed in it for good.
type Queue struct {
	Name string

	drawing *Drawing
	queue   awssqs.CfnQueue
	dead    awssqs.CfnQueue
	policy  awssqs.CfnQueuePolicy
}

// receives is how often a message is tried before it goes to the dead-letter queue.
const receives = 5

// Queue adds one with <name>-dead and an alarm for each: on anything dead, and on a message that waits too long.
// Its visibility timeout comes with its consumer.
func (d *Drawing) Queue(name string) *Queue {
	dead := d.deadQueue(name + "-dead")
	queue := awssqs.NewCfnQueue(d.queues, jsii.String(name), &awssqs.CfnQueueProps{
		RedrivePolicy: map[string]any{"deadLetterTargetArn": dead.AttrArn(), "maxReceiveCount": receives},
	})
	// A message that fails again and again drops out of this metric after three receives: the dead queue's alarm
	// is for that one, this one for those that nobody works on.
	d.alarm(queue, "backlog", queueBacklog,
		fmt.Sprintf("The oldest message of the %s queue has waited for more than %s.", name, d.stage.Backlog),
		d.queueMetric(queue, "ApproximateAgeOfOldestMessage"), d.stage.Backlog.Seconds())
	q := &Queue{Name: name, drawing: d, queue: queue, dead: dead, policy: tlsOnly(queue)}
	d.boxes = append(d.boxes, q)
	d.output(goName(name)+"QueueUrl", queue.Ref())
	return q
}

func (q *Queue) node() string  { return q.Name + "_queue" }
func (q *Queue) shape() string { return "[[" + q.Name + " queue]]" }

// Schedule is an EventBridge rule that fires again and again. A rule, since EventBridge's Scheduler fires on one
// emulator alone.
type Schedule struct {
	Name string

	drawing *Drawing
	rule    awsevents.CfnRule
}

// Schedule adds one, of whole days or minutes. Its arrows say what it sends, or whom it wakes.
func (d *Drawing) Schedule(name string, every time.Duration) *Schedule {
	n, unit := int(every/time.Minute), "minute"
	if day := 24 * time.Hour; every%day == 0 {
		n, unit = int(every/day), "day"
	}
	if n != 1 {
		unit += "s"
	}
	rate := fmt.Sprintf("rate(%d %s)", n, unit)
	s := &Schedule{Name: name, drawing: d,
		rule: awsevents.NewCfnRule(d.Stack, jsii.String(name), &awsevents.CfnRuleProps{
			ScheduleExpression: jsii.String(rate),
		})}
	d.boxes = append(d.boxes, s)
	return s
}

func (s *Schedule) node() string  { return variable(s.Name) }
func (s *Schedule) shape() string { return "([" + strings.ReplaceAll(s.Name, "-", " ") + "])" }

// deadQueue keeps what a person must look at, for as long as SQS does (14 days).
func (d *Drawing) deadQueue(name string) awssqs.CfnQueue {
	dead := awssqs.NewCfnQueue(d.queues, jsii.String(name), &awssqs.CfnQueueProps{
		MessageRetentionPeriod: jsii.Number((14 * 24 * time.Hour).Seconds()),
	})
	tlsOnly(dead)
	d.alarm(dead, "dead", deadLetters, fmt.Sprintf("Something is in the %s queue: a fault of ours, not of an endpoint.",
		name),
		d.queueMetric(dead, "ApproximateNumberOfMessagesVisible"), 1)
	d.output(goName(name)+"QueueUrl", dead.Ref())
	d.dead[name] = dead
	return dead
}

// tlsOnly refuses what does not come over TLS, whoever sends it.
func tlsOnly(queue awssqs.CfnQueue) awssqs.CfnQueuePolicy {
	return awssqs.NewCfnQueuePolicy(queue, jsii.String("policy"), &awssqs.CfnQueuePolicyProps{
		Queues: &[]*string{queue.Ref()}, PolicyDocument: policyDocument(overTLSOnly("sqs:*", queue.AttrArn())),
	})
}

// overTLSOnly is the statement of a resource's policy that refuses the action over plain HTTP.
func overTLSOnly(action string, resource *string) any {
	return map[string]any{
		"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource,
		"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
	}
}

func policyDocument(statements ...any) map[string]any {
	return map[string]any{"Version": "2012-10-17", "Statement": statements}
}

func (d *Drawing) queueMetric(queue awssqs.CfnQueue, name string) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     jsii.String("AWS/SQS"),
		MetricName:    jsii.String(name),
		DimensionsMap: &map[string]*string{"QueueName": queue.AttrQueueName()},
		Statistic:     jsii.String("Maximum"),
		Period:        awscdk.Duration_Minutes(jsii.Number(1)),
	})
}

// Key is a KMS key, rotated every year.
type Key struct {
	Name string
	key  awskms.Key
}

// Key adds one. It is kept like the tables: what it sealed is worth nothing without it.
func (d *Drawing) Key(name string) *Key {
	k := &Key{Name: name, key: awskms.NewKey(d.Stack, jsii.String(name), &awskms.KeyProps{
		Description:       jsii.String("Wraps Plugboard's data keys, stage " + d.stage.Name),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     d.kept(),
	})}
	d.boxes = append(d.boxes, k)
	return k
}

func (k *Key) node() string  { return variable(k.Name) }
func (k *Key) shape() string { return "{{" + k.Name + " key}}" }

// Secret is a value that is made at deploy and read at run time.
type Secret struct {
	Name   string
	secret awssecretsmanager.Secret
}

// Secret adds one of 48 letters and digits: 285 bits.
func (d *Drawing) Secret(name string) *Secret {
	s := &Secret{Name: name, secret: awssecretsmanager.NewSecret(d.Stack, jsii.String(name),
		&awssecretsmanager.SecretProps{
			GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
				PasswordLength: jsii.Number(48),
				// Secrets Manager wants a character of every included type unless it is told otherwise, and punctuation
				// is included unless it is excluded as a type:
				// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html.
				RequireEachIncludedType: jsii.Bool(false),
				ExcludePunctuation:      jsii.Bool(true),
				// The same characters once more, since MiniStack ignores ExcludePunctuation.
				ExcludeCharacters: jsii.String("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
			},
			RemovalPolicy: d.kept(),
		})}
	d.boxes = append(d.boxes, s)
	d.output(goName(name)+"Secret", s.secret.SecretArn())
	return s
}

func (s *Secret) node() string  { return variable(s.Name) }
func (s *Secret) shape() string { return "{{" + s.Name + " secret}}" }

// Outside is a party that the stack only points at.
type Outside struct {
	Name string
	id   string
	env  map[string]*string
}

// Issuer is who signs the dashboard users' JWTs.
func (d *Drawing) Issuer(name string) *Outside {
	issuer := d.stage.Issuer
	env := map[string]*string{"OIDC_ISSUER": &issuer.Name, "OIDC_AUDIENCE": &issuer.Audience}
	if issuer.KeysURL != "" {
		env["OIDC_JWKS_URL"] = &issuer.KeysURL
	} else {
		env["OIDC_JWKS"] = &issuer.Keys
	}
	return d.outside(name, "issuer", env)
}

// Endpoints are what webhooks are posted to.
func (d *Drawing) Endpoints(name string) *Outside {
	return d.outside(name, "endpoints", map[string]*string{
		"ALLOW_PRIVATE_TARGETS": jsii.String(fmt.Sprint(d.stage.PrivateTargets)),
	})
}

func (d *Drawing) outside(name, id string, env map[string]*string) *Outside {
	o := &Outside{Name: name, id: id, env: env}
	d.boxes = append(d.boxes, o)
	return o
}

func (o *Outside) node() string  { return o.id }
func (o *Outside) shape() string { return "([" + o.Name + "])" }

// variable is the stem of a box's environment variables: platform-key is platform_key.
func variable(name string) string { return strings.ReplaceAll(name, "-", "_") }

// goName is the stem of a box's outputs: platform-key is PlatformKey.
func goName(name string) string {
	var b strings.Builder
	for _, word := range strings.Split(name, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}
