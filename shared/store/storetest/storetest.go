// Package storetest gives a test tables of its own on the emulator. There is no mock of the store: a test runs
// against the emulator that AWS_ENDPOINT_URL names, and fails without one.
package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"

	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// Tables are the two tables of one test, with a store. Both are deleted when the test ends.
type Tables struct {
	*store.Store
	AWS    aws.Config
	DB     *dynamodb.Client // for items that the store would not show or write
	Config store.Config

	t      testing.TB
	handed int // outbox items handed over so far
}

// New creates the tables as the store declares them, empty, the accounts table with its stream.
func New(t testing.TB) *Tables {
	t.Helper()
	c := AWS(t)
	db := dynamodb.NewFromConfig(c)
	run := strings.ToLower(rand.Text()[:10])
	tables := &Tables{AWS: c, DB: db, t: t, Config: store.Config{
		AccountsTable:   create(t, db, store.AccountsTable, run),
		DeliveriesTable: create(t, db, store.DeliveriesTable, run),
	}}
	tables.Store = tables.At(domain.SystemClock)
	return tables
}

// AWS is the configuration of the emulator's clients. It fails the test when no emulator is named.
func AWS(t testing.TB) aws.Config {
	t.Helper()
	if os.Getenv("AWS_ENDPOINT_URL") == "" {
		t.Fatal("This test runs against the local emulator: set AWS_ENDPOINT_URL, or use `make test`, which " +
			"starts one.")
	}
	// one emulator closes connections unlike AWS, and the SDK logs a warning
	c, err := config.LoadDefaultConfig(t.Context(), config.WithLogger(logging.Nop{}))
	if err != nil {
		t.Fatalf("load the AWS configuration: %v", err)
	}
	return c
}

// At is a store on the same tables with another clock and, by options, with a failing client.
func (s *Tables) At(now domain.Clock, options ...func(*dynamodb.Options)) *store.Store {
	return store.New(dynamodb.NewFromConfig(s.AWS, options...), s.Config, now)
}

// Failing makes the client fail every call of these operations, such as BatchWriteItem.
func Failing(operations ...string) func(*dynamodb.Options) {
	fail := middleware.InitializeMiddlewareFunc("fail", func(ctx context.Context, in middleware.InitializeInput,
		next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		if name := awsmiddleware.GetOperationName(ctx); slices.Contains(operations, name) {
			return middleware.InitializeOutput{}, middleware.Metadata{},
				fmt.Errorf("%s fails, as the test wants it", name)
		}
		return next.HandleInitialize(ctx, in)
	})
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
			return s.Initialize.Add(fail, middleware.After)
		})
	}
}

// Given stores a test's initial records: pointers to stored types, at most 100.
func (s *Tables) Given(records ...any) {
	s.t.Helper()
	var tx store.Tx
	for _, r := range records {
		tx.Create(r)
	}
	if err := s.Commit(s.t.Context(), &tx, nil); err != nil {
		s.t.Fatalf("store what the test begins with: %v", err)
	}
}

// create creates a table, and deletes it when the test ends.
func create(t testing.TB, db *dynamodb.Client, declared store.Table, run string) string {
	t.Helper()
	name := "test-" + run + "-" + declared.Name
	in := &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String(store.PartitionKey), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(store.SortKey), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String(store.PartitionKey), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(store.SortKey), KeyType: types.KeyTypeRange},
		},
	}
	if index := declared.Index; index != nil {
		for _, name := range []string{index.PartitionKey, index.SortKey} {
			if name != store.PartitionKey {
				in.AttributeDefinitions = append(in.AttributeDefinitions,
					types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS})
			}
		}
		in.GlobalSecondaryIndexes = []types.GlobalSecondaryIndex{{
			IndexName: &index.Name,
			KeySchema: []types.KeySchemaElement{
				{AttributeName: &index.PartitionKey, KeyType: types.KeyTypeHash},
				{AttributeName: &index.SortKey, KeyType: types.KeyTypeRange},
			},
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeInclude,
				NonKeyAttributes: index.Includes},
		}}
	}
	if declared.Stream {
		in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true),
			StreamViewType: types.StreamViewTypeNewImage}
	}
	// A busy emulator may drop an answer; the SDK asks again and finds its own change made.
	var made *types.ResourceInUseException
	if _, err := db.CreateTable(t.Context(), in); err != nil && !errors.As(err, &made) {
		t.Fatalf("create the table %s: %v", name, err)
	}
	t.Cleanup(func() {
		var gone *types.ResourceNotFoundException
		if _, err := db.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil &&
			!errors.As(err, &gone) {
			t.Errorf("delete the table %s: %v", name, err)
		}
	})
	if err := dynamodb.NewTableExistsWaiter(db, quickly).Wait(t.Context(),
		&dynamodb.DescribeTableInput{TableName: &name}, 30*time.Second); err != nil {
		t.Fatalf("wait for the table %s: %v", name, err)
	}
	return name
}

// quickly polls an emulator, which has the table at once, sooner than AWS should be polled.
func quickly(o *dynamodb.TableExistsWaiterOptions) {
	o.MinDelay, o.MaxDelay = 20*time.Millisecond, time.Second
}
