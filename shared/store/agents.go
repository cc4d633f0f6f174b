package store

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Agents that pull, the lease that one of them has, and the deliveries that wait for them. Those are parked deliveries
// (delivery_parked.go): a webhook without a URL is one whose deliveries always wait.

func (s *Store) AgentKey(ctx context.Context, hash string) (domain.AgentKey, error) {
	k, _ := keyOf(domain.AgentKey{Hash: hash})
	return get[domain.AgentKey](ctx, s, k, "agent")
}

func (s *Store) AgentCode(ctx context.Context, hash string) (domain.AgentCode, error) {
	k, _ := keyOf(domain.AgentCode{Hash: hash})
	return get[domain.AgentCode](ctx, s, k, "pairing code")
}

// Agents is every agent of the webhook, the first paired first.
func (s *Store) Agents(ctx context.Context, a domain.AccountID, w domain.WebhookID) ([]domain.Agent, error) {
	return list[domain.Agent](ctx, s, accountKey(a).pk, agentKey(a, w, "").sk)
}

func leaseKey(w domain.WebhookID) key { return key{pullPartition(w), "LEASE"} }

// TakeLease gives the agent the right to pull until that time, or prolongs it. It is refused, with the other's lease,
// while another agent has it. Times are compared as Unix milliseconds of the caller's clock.
func (s *Store) TakeLease(ctx context.Context, w domain.WebhookID, agent domain.AgentID, until time.Time) (
	lease domain.PullLease, held bool, err error,
) {
	now := s.now()
	_, err = s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.deliveries, Key: leaseKey(w).attributes(),
		ConditionExpression: aws.String("attribute_not_exists(pk) OR agent_id = :agent OR #until <= :now"),
		UpdateExpression: aws.String("SET agent_id = :agent, #until = :until, pulled_at = :now, #record = :record, " +
			ExpiresAt + " = :expires"),
		ExpressionAttributeNames: map[string]string{"#until": "until", "#record": recordAttribute},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":agent": str(string(agent)), ":now": num(now.UnixMilli()), ":until": num(until.UnixMilli()),
			":record": str(string(domain.RecordLease)), ":expires": num(now.Add(tailedKept).Unix()),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var refused *types.ConditionalCheckFailedException
	switch {
	case errors.As(err, &refused):
		return leaseOf(refused.Item), false, nil
	case err != nil:
		return domain.PullLease{}, false, fault.Wrap(awsFault(err), "take the lease of %s", w)
	}
	return domain.PullLease{Agent: agent, Until: until, PulledAt: now}, true, nil
}

// Lease is who pulled the webhook last, and until when nobody else may; zero when nobody did.
func (s *Store) Lease(ctx context.Context, w domain.WebhookID) (domain.PullLease, error) {
	out, err := s.db.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.deliveries, KeyConditionExpression: aws.String("pk = :pk AND sk = :sk"),
		ConsistentRead: aws.Bool(true),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(leaseKey(w).pk),
			":sk": str(leaseKey(w).sk)},
	})
	if err != nil || len(out.Items) == 0 {
		return domain.PullLease{}, fault.Wrap(awsFault(err), "read the lease of %s", w)
	}
	return leaseOf(out.Items[0]), nil
}

func leaseOf(item map[string]types.AttributeValue) domain.PullLease {
	return domain.PullLease{
		Agent: domain.AgentID(textOf(item, "agent_id")), Until: momentOf(item, "until"),
		PulledAt: momentOf(item, "pulled_at"),
	}
}

func momentOf(item map[string]types.AttributeValue, name string) time.Time {
	n, ok := item[name].(*types.AttributeValueMemberN)
	if !ok {
		return time.Time{}
	}
	at, _ := strconv.ParseInt(n.Value, 10, 64) // DynamoDB holds a number
	return time.UnixMilli(at).UTC()
}

// ParkedPlaceOf is the place of a parked delivery, for ParkedAt and ParkedAfter.
func ParkedPlaceOf(d events.Delivery) string { return parkedKey(d).sk }

// ParkedPlace is the delivery and the attempt that a place names.
func ParkedPlace(place string) (domain.DeliveryID, int) {
	part := strings.Split(place, "#")
	if len(part) != 4 {
		return "", 0
	}
	attempt, _ := strconv.Atoi(part[2])
	return domain.DeliveryID(part[1]), attempt
}

// ParkedAt is the delivery that is parked at a place. NotFound when it is not parked any more.
func (s *Store) ParkedAt(ctx context.Context, a domain.AccountID, w domain.WebhookID,
	place string) (events.Delivery, error) {
	id, _ := ParkedPlace(place)
	k := key{parkedPartition(w, parkedShard(id)), place}
	out, err := s.db.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.deliveries, KeyConditionExpression: aws.String("pk = :pk AND sk = :sk"),
		ConsistentRead:            aws.Bool(true),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(k.pk), ":sk": str(k.sk)},
	})
	if err != nil {
		return events.Delivery{}, fault.Wrap(awsFault(err), "read what is parked at %s", place)
	}
	var d events.Delivery
	if len(out.Items) == 1 {
		if err := unmarshal(out.Items[0], &d); err != nil {
			return d, fault.Wrap(err, "decode %s", place)
		}
	}
	if d.Account != a || a == "" {
		return d, fault.New(fault.NotFound, "not-found", "There is no such delivery.")
	}
	return d, nil
}

// Unpark ends the wait of a parked delivery. The Tx fails when it is not parked any more.
func (t *Tx) Unpark(d events.Delivery) *Write {
	w := t.add(types.TransactWriteItem{Delete: &types.Delete{
		Key: parkedKey(d).attributes(), ConditionExpression: aws.String("attribute_exists(pk)"),
	}}, domain.RecordParked)
	w.logged = true
	return w
}
