package main

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"plugboard/shared/queue"
	"plugboard/shared/store"
)

// counts is AWS's bill.
type counts struct {
	Requests   map[string]int `json:"requests"` // by operation
	WriteUnits float64        `json:"write_units"`
	Stored     int            `json:"stored"` // bytes written
	ReadUnits  float64        `json:"read_units"`
	SQSBilled  int            `json:"sqs_billed"` // requests of 64 KB
}

func (c *counts) add(more counts) {
	if c.Requests == nil {
		c.Requests = map[string]int{}
	}
	for operation, n := range more.Requests {
		c.Requests[operation] += n
	}
	c.WriteUnits, c.ReadUnits = c.WriteUnits+more.WriteUnits, c.ReadUnits+more.ReadUnits
	c.Stored, c.SQSBilled = c.Stored+more.Stored, c.SQSBilled+more.SQSBilled
}

func (c counts) all() int {
	n := 0
	for _, of := range c.Requests {
		n += of
	}
	return n
}

// stub is the part of DynamoDB, SQS and KMS that delivering uses. It stores single puts, transactions (whose
// conditions always hold) and batches of waiting retries. Of the attempt log it stores nothing.
type stub struct {
	mu     sync.Mutex
	items  map[string]map[string]stored // by partition and sort key
	outbox []item                       // not shown by a stream yet
	queued []sent                       // messages not received yet
	counts counts
}

type item = map[string]map[string]json.RawMessage

// stored is an item in the form of an answer, so that 100,000 accounts are little garbage to collect.
type stored struct {
	raw  json.RawMessage
	size int
}

// serveAWS serves until the context ends. It prints its address.
func serveAWS(ctx context.Context, _ []string) error {
	s := &stub{items: map[string]map[string]stored{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", s.call)
	mux.HandleFunc("POST /counts", taking(s, &s.counts))
	mux.HandleFunc("POST /outbox", taking(s, &s.outbox))
	mux.HandleFunc("POST /queued", taking(s, &s.queued))
	mux.HandleFunc("POST /forget", taking(s, &s.items))
	return listen(ctx, &atomic.Int64{}, mux, nil)
}

// taking answers with the kept value and resets it.
func taking[T any](s *stub, kept *T) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		json.NewEncoder(w).Encode(*kept)
		*kept = *new(T)
	}
}

func (s *stub) call(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	answer, known := operations[operation]
	if !known {
		http.Error(w, `{"__type":"UnknownOperationException","message":"the stub has no `+operation+`"}`,
			http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts.Requests == nil {
		s.counts.Requests = map[string]int{}
	}
	if s.items == nil {
		s.items = map[string]map[string]stored{}
	}
	s.counts.Requests[operation]++
	out, err := answer(s, json.NewDecoder(r.Body))
	if err != nil {
		http.Error(w, encode(map[string]string{"__type": "ValidationException", "message": err.Error()}),
			http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	json.NewEncoder(w).Encode(out)
}

type object = map[string]any

var operations = map[string]func(*stub, *json.Decoder) (object, error){
	"PutItem":            (*stub).putItem,
	"UpdateItem":         (*stub).updateItem,
	"TransactWriteItems": (*stub).transactWriteItems,
	"GetItem":            (*stub).getItem,
	"Query":              (*stub).query,
	"BatchGetItem":       (*stub).batchGetItem,
	"BatchWriteItem":     (*stub).batchWriteItem,
	"SendMessageBatch":   (*stub).sendMessageBatch,
	"GenerateDataKey":    (*stub).dataKey,
	"Decrypt":            (*stub).dataKey,
}

func (s *stub) put(i item, units float64) {
	partition := text(i["pk"])
	if s.items[partition] == nil {
		s.items[partition] = map[string]stored{}
	}
	s.items[partition][text(i["sk"])] = stored{json.RawMessage(encode(i)), bytesOf(i)}
	s.written(i, units)
	if _, heard := i[store.OutboxAttribute]; heard {
		s.outbox = append(s.outbox, i)
	}
}

// written counts a write of the item.
func (s *stub) written(i item, units float64) {
	s.counts.WriteUnits += units * blocks(bytesOf(i), 1<<10)
	s.counts.Stored += bytesOf(i) + indexBytes
}

func (s *stub) putItem(in *json.Decoder) (object, error) {
	var q struct{ Item item }
	err := in.Decode(&q)
	s.put(q.Item, 1)
	return object{}, err
}

// updateItem counts the write. The delivery function updates items that have less than 1 KB, and reads none of them.
func (s *stub) updateItem(*json.Decoder) (object, error) {
	s.counts.WriteUnits++
	return object{}, nil
}

func (s *stub) transactWriteItems(in *json.Decoder) (object, error) {
	var q struct {
		TransactItems []struct{ Put *struct{ Item item } }
	}
	if err := in.Decode(&q); err != nil {
		return nil, err
	}
	for _, w := range q.TransactItems {
		if w.Put == nil {
			return nil, fmt.Errorf("the stub's transactions only put")
		}
		s.put(w.Put.Item, 2)
	}
	return object{}, nil
}

// read counts a consistent read.
func (s *stub) read(key item) (json.RawMessage, bool) {
	found, ok := s.items[text(key["pk"])][text(key["sk"])]
	s.counts.ReadUnits += max(1, blocks(found.size, 4<<10))
	return found.raw, ok
}

func (s *stub) getItem(in *json.Decoder) (object, error) {
	var q struct{ Key item }
	if err := in.Decode(&q); err != nil {
		return nil, err
	}
	if found, ok := s.read(q.Key); ok {
		return object{"Item": found}, nil
	}
	return object{}, nil
}

// query understands a condition on the partition, :pk, a prefix or a range of sort keys, :sk, and pages, forwards.
func (s *stub) query(in *json.Decoder) (object, error) {
	var q struct {
		ExpressionAttributeValues, ExclusiveStartKey item
		Limit                                        int
	}
	if err := in.Decode(&q); err != nil {
		return nil, err
	}
	value := func(name string) string { return text(q.ExpressionAttributeValues[name]) }
	partition, after, to := s.items[value(":pk")], text(q.ExclusiveStartKey["sk"]), value(":to")+value(":by")
	all, size, last := []json.RawMessage{}, 0, ""
	for _, key := range slices.Sorted(maps.Keys(partition)) {
		if !strings.HasPrefix(key, value(":sk")) || key < value(":from") || to != "" && key > to || key <= after {
			continue
		}
		if all, size, last = append(all, partition[key].raw), size+partition[key].size, key; len(all) == q.Limit {
			break
		}
	}
	s.counts.ReadUnits += max(1, blocks(size, 4<<10))
	out := object{"Items": all, "Count": len(all)}
	if q.Limit > 0 && len(all) == q.Limit {
		out["LastEvaluatedKey"] = object{"pk": object{"S": value(":pk")}, "sk": object{"S": last}}
	}
	return out, nil
}

func (s *stub) batchGetItem(in *json.Decoder) (object, error) {
	var q struct {
		RequestItems map[string]struct{ Keys []item }
	}
	if err := in.Decode(&q); err != nil {
		return nil, err
	}
	all := map[string][]json.RawMessage{}
	for table, wanted := range q.RequestItems {
		for _, key := range wanted.Keys {
			if found, ok := s.read(key); ok {
				all[table] = append(all[table], found)
			}
		}
	}
	return object{"Responses": all, "UnprocessedKeys": object{}}, nil
}

func (s *stub) batchWriteItem(in *json.Decoder) (object, error) {
	var q struct {
		RequestItems map[string][]struct {
			PutRequest    *struct{ Item item }
			DeleteRequest *struct{ Key item }
		}
	}
	if err := in.Decode(&q); err != nil {
		return nil, err
	}
	for _, writes := range q.RequestItems {
		for _, w := range writes {
			switch {
			case w.DeleteRequest != nil:
				delete(s.items[text(w.DeleteRequest.Key["pk"])], text(w.DeleteRequest.Key["sk"]))
				s.counts.WriteUnits++ // no waiting item exceeds 1 KB
			case strings.HasPrefix(text(w.PutRequest.Item["pk"]), "DUE#"):
				s.put(w.PutRequest.Item, 1)
			default:
				s.written(w.PutRequest.Item, 1)
			}
		}
	}
	return object{"UnprocessedItems": object{}}, nil
}

func (s *stub) sendMessageBatch(in *json.Decoder) (object, error) {
	var q struct {
		Entries []struct {
			Id, MessageBody   string
			MessageAttributes map[string]struct{ StringValue string }
		}
	}
	if err := in.Decode(&q); err != nil {
		return nil, err
	}
	taken, size := []object{}, 0
	for _, e := range q.Entries {
		sum := md5.Sum([]byte(e.MessageBody)) // the SDK checks it
		taken = append(taken, object{"Id": e.Id, "MessageId": e.Id, "MD5OfMessageBody": hex.EncodeToString(sum[:])})
	}
	for _, e := range q.Entries {
		m := queue.Message{Body: e.MessageBody, Attributes: map[string]string{}}
		for name, a := range e.MessageAttributes {
			m.Attributes[name] = a.StringValue
		}
		s.queued = append(s.queued, sent{Message: m, At: time.Now()})
		size += m.Size()
	}
	s.counts.SQSBilled += billed(size)
	return object{"Successful": taken, "Failed": []object{}}, nil
}

// dataKey always returns the same key.
func (s *stub) dataKey(*json.Decoder) (object, error) {
	key := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	return object{"CiphertextBlob": key, "Plaintext": key, "KeyId": "sealing"}, nil
}

func text(value map[string]json.RawMessage) string {
	var s string
	json.Unmarshal(value["S"], &s)
	return s
}

// indexBytes is DynamoDB's own storage for an item (https://aws.amazon.com/dynamodb/pricing, "data storage").
const indexBytes = 100

// billed is how many requests SQS counts for a call of so many bytes.
func billed(size int) int { return int(max(1, blocks(size, queue.BilledRequest))) }

// blocks is an item's size in units, as DynamoDB rounds it.
func blocks(size, unit int) float64 { return float64((size + unit - 1) / unit) }

func bytesOf(i item) int {
	size := 0
	for name, value := range i {
		size += len(name) + sizeOf(value)
	}
	return size
}

// sizeOf is a value's size (Developer Guide, "DynamoDB item sizes and formats").
func sizeOf(value map[string]json.RawMessage) int {
	for kind, raw := range value {
		switch kind {
		case "S":
			return len(text(value))
		case "N":
			return len(raw)/2 + 1
		case "B":
			return len(raw) * 3 / 4
		case "M":
			var members item
			json.Unmarshal(raw, &members)
			return 3 + len(members) + bytesOf(members)
		case "L":
			var elements []map[string]json.RawMessage
			json.Unmarshal(raw, &elements)
			size := 3
			for e := range slices.Values(elements) {
				size += 1 + sizeOf(e)
			}
			return size
		}
	}
	return 1 // BOOL, NULL
}
