package deployed_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"plugboard/events"
	"plugboard/localstack/client"
)

// What the run left behind. These come last, as go test takes files by name; each holds at any time.

func TestTraces_TheOutputsFileIsPrivate(t *testing.T) {
	file, err := os.Stat(deployed.outputs)
	must(t, err)
	if got := file.Mode().Perm(); got != 0o600 {
		t.Errorf("%s holds the platform's key, and its mode is %o, want 600", deployed.outputs, got)
	}
}

// scheduled is how long a function may take that only the clock wakes, once a minute: the rule's first minute may begin
// when the tests do.
const scheduled = 2*time.Minute + patience

func TestTraces_LogsShowNoSecret(t *testing.T) { // rule 22
	c, _ := signedContract(t, deployed.integration())
	_, m := arrives(t, deployed.orders, c.ID, events.ContractSigned)
	logged(t, deployed.orders, m)
	for name, function := range deployed.Outputs.Functions {
		t.Run(name, func(t *testing.T) {
			var lines []string
			must(t, client.Until(t.Context(), scheduled, "the log showed a line of "+name,
				func(context.Context) (bool, error) {
					lines = logOf(t, function)
					return len(lines) > 0, nil
				}))
			for _, line := range lines {
				for _, s := range deployed.secrets {
					if strings.Contains(line, s) {
						t.Errorf("a line shows a secret, masked here: %s", strings.ReplaceAll(line, s, "•••"))
					}
				}
			}
		})
	}
}

// logOf is the whole log of a function: what is in the group that its configuration names, as on AWS, and in Lambda's
// own, which LocalStack writes to whatever the configuration says.
func logOf(t *testing.T, function string) []string {
	t.Helper()
	about, err := lambda.NewFromConfig(deployed.aws()).GetFunctionConfiguration(t.Context(),
		&lambda.GetFunctionConfigurationInput{FunctionName: &function})
	must(t, err)
	groups := []string{"/aws/lambda/" + function}
	if about.LoggingConfig != nil && aws.ToString(about.LoggingConfig.LogGroup) != "" {
		groups = append(groups, *about.LoggingConfig.LogGroup)
	}
	var lines []string
	for _, group := range groups {
		pages := cloudwatchlogs.NewFilterLogEventsPaginator(cloudwatchlogs.NewFromConfig(deployed.aws()),
			&cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			var absent *logs.ResourceNotFoundException
			if errors.As(err, &absent) {
				break
			}
			must(t, err)
			for _, e := range page.Events {
				lines = append(lines, aws.ToString(e.Message))
			}
		}
	}
	return lines
}

func TestTraces_DeadLetterQueuesAreEmpty(t *testing.T) { // rule 19
	client := sqs.NewFromConfig(deployed.aws())
	for name, url := range map[string]string{
		"provisions-dead":      deployed.Outputs.ProvisionsDeadQueueURL,
		"deliveries-dead":      deployed.Outputs.DeliveriesDeadQueueURL,
		"slow-deliveries-dead": deployed.Outputs.SlowDeliveriesDeadQueueURL,
		"fanout-dead":          deployed.Outputs.FanoutDeadQueueURL,
	} {
		out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
			QueueUrl: &url, AttributeNames: []types.QueueAttributeName{
				types.QueueAttributeNameApproximateNumberOfMessages},
		})
		must(t, err)
		if n := out.Attributes[string(types.QueueAttributeNameApproximateNumberOfMessages)]; n != "0" {
			t.Errorf("%s holds %s messages: the pipeline failed", name, n)
		}
	}
}
