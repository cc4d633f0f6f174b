package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// A webhook's figures: one item an hour, to which each process of delivery adds its counts.

// StatisticsKept is how long an hour's figures are kept.
const StatisticsKept = 8 * 24 * time.Hour

const (
	statisticsHour = "2006-01-02T15"
	latencyPrefix  = "ms_" // of an attribute that counts a bucket; its bound follows
)

func statisticsKey(w domain.WebhookID, hour time.Time) key {
	return key{"STATISTICS#" + string(w), hour.UTC().Format(statisticsHour)}
}

// AddStatistics adds counts to a webhook's hour, for one write unit. DynamoDB cannot tell a repeat: an error leaves
// open whether the counts were added.
func (s *Store) AddStatistics(ctx context.Context, h domain.WebhookHour) error {
	add := []string{}
	values := map[string]types.AttributeValue{
		":account": str(string(h.Account)), ":record": str(string(domain.RecordStatistics)),
		":expires": num(h.Hour.Add(StatisticsKept).Unix()),
	}
	names := map[string]string{"#record": recordAttribute}
	count := func(attribute string, n int) {
		if n > 0 {
			add = append(add, "#"+attribute+" :"+attribute)
			names["#"+attribute], values[":"+attribute] = attribute, num(int64(n))
		}
	}
	for attribute, n := range countsByName(&h.AttemptCounts) {
		count(attribute, *n)
	}
	for bound, n := range h.Latency() {
		count(latencyPrefix+strconv.FormatInt(bound, 10), n)
	}
	if len(add) == 0 {
		return nil
	}
	_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.deliveries, Key: statisticsKey(h.Webhook, h.Hour).attributes(),
		UpdateExpression: aws.String("SET account_id = :account, #record = :record, " + ExpiresAt +
			" = :expires ADD " + strings.Join(add, ", ")),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
	return fault.Wrap(awsFault(err), "add to the figures of %s", h.Webhook)
}

func countsByName(c *domain.AttemptCounts) map[string]*int {
	return map[string]*int{
		"delivered": &c.Delivered, "failed": &c.Failed, "exhausted": &c.Exhausted, "skipped": &c.Skipped,
		"cancelled": &c.Cancelled,
	}
}

// Statistics is a webhook's hours with figures since the hour of that time, oldest first. Eventually consistent.
func (s *Store) Statistics(ctx context.Context, a domain.AccountID, w domain.WebhookID,
	since time.Time) ([]domain.WebhookHour, error) {
	var hours []domain.WebhookHour
	pages := dynamodb.NewQueryPaginator(s.db, &dynamodb.QueryInput{
		TableName: &s.deliveries, KeyConditionExpression: aws.String("pk = :pk AND sk >= :since"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":pk": str(statisticsKey(w, since).pk), ":since": str(statisticsKey(w, since).sk),
		},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fault.Wrap(awsFault(err), "read the figures of %s", w)
		}
		for _, item := range page.Items {
			if textOf(item, "account_id") != string(a) {
				continue
			}
			h, err := webhookHour(item)
			if err != nil {
				return nil, fault.Wrap(err, "decode the figures of %s", w)
			}
			h.Account, h.Webhook = a, w
			hours = append(hours, h)
		}
	}
	return hours, nil
}

func webhookHour(item map[string]types.AttributeValue) (h domain.WebhookHour, err error) {
	if h.Hour, err = time.Parse(statisticsHour, textOf(item, SortKey)); err != nil {
		return h, err
	}
	counts := countsByName(&h.AttemptCounts)
	for attribute, value := range item {
		n, _ := value.(*types.AttributeValueMemberN)
		if n == nil {
			continue
		}
		number, err := strconv.Atoi(n.Value)
		if err != nil {
			return h, err
		}
		if bound, isLatency := strings.CutPrefix(attribute, latencyPrefix); isLatency {
			milliseconds, err := strconv.ParseInt(bound, 10, 64)
			if err != nil {
				return h, err
			}
			h.AddLatency(milliseconds, number)
		} else if count := counts[attribute]; count != nil {
			*count = number
		}
	}
	return h, nil
}
