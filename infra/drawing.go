package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Drawing is the stack and the picture of it, made by the same calls.
type Drawing struct {
	Stack     awscdk.Stack
	Functions []*Function
	Arrows    []Arrow

	stage Stage
	build string
	boxes []Box
	dead  map[string]awssqs.CfnQueue // dead-letter queues, which no arrow of the picture touches

	// Tables and queues may share a name ("deliveries"), so each kind has a scope of its own.
	tables, queues constructs.Construct
	alarms         awssns.Topic
	alarmed        []interfacesawscloudwatch.IAlarmRef
}

// Arrow is one verb between two boxes, and what it gave the function at one of its ends.
type Arrow struct {
	From  Box
	Verb  string
	To    Box
	Grant Grant
}

// Grant is what one arrow needs: IAM actions on exactly one resource, and the variables that tell where it is.
// An arrow to something outside the account has no actions.
type Grant struct {
	Actions  []string
	Resource *string
	Env      map[string]*string
	Besides  *Grant // on a resource that belongs to the first, as an index does to its table; mostly nil
}

// Box is anything an arrow can touch.
type Box interface {
	node() string  // unique in the picture
	shape() string // as Mermaid writes it: text in the brackets of its kind
}

// NewDrawing is an empty stack named plugboard-<stage>.
func NewDrawing(app awscdk.App, stage Stage, build string) *Drawing {
	stack := awscdk.NewStack(app, jsii.String("plugboard-"+stage.Name), &awscdk.StackProps{
		Description:           jsii.String("Plugboard, the partner-extension platform, stage " + stage.Name),
		Env:                   environment(stage),
		TerminationProtection: jsii.Bool(stage.Keep),
	})
	d := &Drawing{
		Stack:  stack,
		stage:  stage,
		build:  build,
		dead:   map[string]awssqs.CfnQueue{},
		tables: constructs.NewConstruct(stack, jsii.String("tables")),
		queues: constructs.NewConstruct(stack, jsii.String("queues")),
		alarms: awssns.NewTopic(stack, jsii.String("alarms"), nil),
	}
	d.output("Stage", jsii.String(stage.Name))
	d.output("AlarmTopic", d.alarms.TopicArn())
	d.subscribeAlarms()
	return d
}

// environment is nil, so that the stack fits any account, where neither the stage nor the CDK CLI names one.
func environment(stage Stage) *awscdk.Environment {
	account := cmp.Or(stage.Account, os.Getenv("CDK_DEFAULT_ACCOUNT"))
	region := cmp.Or(stage.Region, os.Getenv("CDK_DEFAULT_REGION"))
	if account == "" || region == "" {
		return nil
	}
	return &awscdk.Environment{Account: &account, Region: &region}
}

func (d *Drawing) output(name string, value *string) {
	awscdk.NewCfnOutput(d.Stack, jsii.String(name), &awscdk.CfnOutputProps{Value: value})
}

// removal is what becomes of a stateful resource with the stack.
func (d *Drawing) removal(keep bool) awscdk.RemovalPolicy {
	if keep && d.stage.Keep {
		return awscdk.RemovalPolicy_RETAIN
	}
	return awscdk.RemovalPolicy_DESTROY
}

// kept is what becomes of a resource that outlives the stack, but for a first deployment that fails: CloudFormation
// then deletes what it has just made (RetainExceptOnCreate). A table is not of these: its own protection would stop the
// roll-back.
func (d *Drawing) kept() awscdk.RemovalPolicy {
	if d.stage.Keep {
		return awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE
	}
	return awscdk.RemovalPolicy_DESTROY
}

// Mermaid is the picture as a fenced Mermaid block, for README. Verbs between the same two boxes share an arrow,
// and arrows of the same verbs that meet at one end share a line.
func (d *Drawing) Mermaid() string {
	var lines []line
	for _, a := range d.Arrows {
		lines = append(lines, line{from: a.From.node(), verbs: a.Verb, to: a.To.node()})
	}
	lines = merge(lines, ", ", func(l *line) *string { return &l.verbs })
	lines = merge(lines, " & ", func(l *line) *string { return &l.from })
	lines = merge(lines, " & ", func(l *line) *string { return &l.to })

	var b strings.Builder
	b.WriteString("```mermaid\nflowchart LR\n")
	for _, box := range d.boxes {
		fmt.Fprintf(&b, "    %s%s\n", box.node(), box.shape())
	}
	for _, l := range lines {
		fmt.Fprintf(&b, "    %s -->|%s| %s\n", l.from, l.verbs, l.to)
	}
	b.WriteString("```\n")
	return b.String()
}

// line is one line of the picture.
type line struct{ from, verbs, to string }

// merge joins lines that differ in one part only, in the order of the first of each.
func merge(lines []line, separator string, part func(*line) *string) []line {
	var merged []line
	at := map[line]int{} // by what the lines have in common
	for _, l := range lines {
		rest := l
		*part(&rest) = ""
		i, seen := at[rest]
		if !seen {
			at[rest] = len(merged)
			merged = append(merged, l)
			continue
		}
		*part(&merged[i]) += separator + *part(&l)
	}
	return merged
}
