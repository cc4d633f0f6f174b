package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"plugboard/shared/store/storetest"
)

// deployed makes a stack of the template on the emulator, protected against deletion as the CDK CLI has it, and waits
// until CloudFormation is done with it.
func deployed(t *testing.T, c clients, template string) (name string) {
	t.Helper()
	name = "plugboard-" + strings.ToLower(rand.Text()[:8])
	_, err := c.stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: &name, TemplateBody: &template, EnableTerminationProtection: aws.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.stacks.UpdateTerminationProtection(context.Background(),
			&cloudformation.UpdateTerminationProtectionInput{StackName: &name,
				EnableTerminationProtection: aws.Bool(false)})
		c.stacks.DeleteStack(context.Background(), &cloudformation.DeleteStackInput{StackName: &name})
	})
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		s, err := c.stack(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if s != nil && !strings.HasSuffix(string(s.StackStatus), "_IN_PROGRESS") {
			return name
		}
	}
	t.Fatalf("%s is not done within a minute", name)
	return ""
}

const (
	works = `{"Resources":{"queue":{"Type":"AWS::SQS::Queue"}},"Outputs":{"ApiUrl":{"Value":"https://api.test"},` +
		`"BootstrapVersion":{"Value":"30"}}}`
	// The second refers to what the first has not, and so fails after it.
	fails = `{"Resources":{"queue":{"Type":"AWS::SQS::Queue","DeletionPolicy":"Retain"},
		"key":{"Type":"AWS::SSM::Parameter",
			"Properties":{"Type":"String","Value":{"Fn::GetAtt":["queue","Nothing"]}}}}}`
)

func TestAccount_IsAskedWhoAndWhere(t *testing.T) {
	c := newClients(storetest.AWS(t))
	in, err := c.identify(t.Context(), "us-east-1")
	if err != nil || in.id == "" || in.caller == "" || in.region != "us-east-1" {
		t.Errorf("got %+v, %v", in, err)
	}
	if _, err := c.identify(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("without a region: %v", err)
	}
}

func TestAccount_IsAskedForTheStackAndTheQuota(t *testing.T) {
	c := newClients(storetest.AWS(t))
	in := account{}
	if err := c.inspect(t.Context(), &in, "plugboard-nowhere"); err != nil || in.stack.status != "" ||
		in.concurrency == 0 {
		t.Errorf("of a stack that is not there: %+v, %v", in, err)
	}
	name := deployed(t, c, works)
	if err := c.inspect(t.Context(), &in, name); err != nil || in.stack.status != types.StackStatusCreateComplete {
		t.Errorf("got %+v, %v", in, err)
	}
	var out bytes.Buffer
	if err := c.outputs(t.Context(), name, &out); err != nil || !strings.Contains(out.String(), "https://api.test") {
		t.Errorf("it says %q, %v", out.String(), err)
	}
}

// The CDK CLI deletes a stack whose first deployment was rolled back, and cannot while the stack is protected.
func TestClear_AFailedFirstDeploymentCanBeDeleted(t *testing.T) {
	c := newClients(storetest.AWS(t))
	name := deployed(t, c, fails)
	in := account{}
	if err := c.inspect(t.Context(), &in, name); err != nil || !in.stack.protected {
		t.Fatalf("got %+v, %v; want it protected", in, err)
	}
	if what, _ := ofStatus(in.stack.status); what != recreate {
		t.Fatalf("the emulator rolled it back to %s", in.stack.status)
	}
	if err := c.explain(t.Context(), name); err == nil || !strings.Contains(err.Error(), "key (AWS::SSM::Parameter)") {
		t.Errorf("of what failed it says %v", err)
	}
	var out bytes.Buffer
	if err := c.clear(t.Context(), name, in.stack, &out); err != nil {
		t.Fatal(err)
	}
	if err := c.inspect(t.Context(), &in, name); err != nil || in.stack.protected {
		t.Errorf("got %+v, %v; want it without protection", in, err)
	}
	if !strings.Contains(out.String(), "protection") {
		t.Errorf("it says %q", out.String())
	}
}

// Emulators keep nothing of a rolled-back stack; CloudFormation keeps what its deletion policy says, and tells of it
// here.
func TestClear_NamesWhatAFailedDeploymentLeft(t *testing.T) {
	stub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		io.WriteString(w, `<ListStackResourcesResponse><ListStackResourcesResult><StackResourceSummaries>
			<member><LogicalResourceId>t</LogicalResourceId><ResourceType>AWS::DynamoDB::Table</ResourceType>
				<PhysicalResourceId>plugboard-prod-accounts</PhysicalResourceId>
				<ResourceStatus>DELETE_SKIPPED</ResourceStatus></member>
			<member><LogicalResourceId>q</LogicalResourceId><ResourceType>AWS::SQS::Queue</ResourceType>
				<PhysicalResourceId>gone</PhysicalResourceId><ResourceStatus>DELETE_COMPLETE</ResourceStatus></member>
			</StackResourceSummaries></ListStackResourcesResult></ListStackResourcesResponse>`)
	}))
	defer stub.Close()
	c := newClients(aws.Config{Region: "us-east-1", BaseEndpoint: &stub.URL,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	var out bytes.Buffer
	if err := c.clear(t.Context(), "plugboard-prod", stack{status: types.StackStatusRollbackComplete},
		&out); err != nil {
		t.Fatal(err)
	}
	if said := out.String(); !strings.Contains(said, "AWS::DynamoDB::Table plugboard-prod-accounts") ||
		strings.Contains(said, "gone") {
		t.Errorf("it says %q", said)
	}
}
