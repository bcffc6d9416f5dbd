/*
 * A stateful firewall: zones by prefix, a rule list that is walked in order,
 * and a connection table with the states of TCP. Replies pass because of their
 * connection, what is related (ICMP errors) because of the packet that they
 * quote. Per-rule counters, a log of denied packets in a ring buffer.
 */
#include "app.h"

#define MAX_RULES 32
#define ANY 0

struct prefix {
	__u32 bits;
	__be32 addr;
};

struct rule {
	__u32 from_zone;
	__u32 to_zone;
	__u16 port_low;
	__u16 port_high;
	__u8 proto;
	__u8 action; /* 0: end of the list, 1: allow, 2: deny, 3: reject silently and log */
	__u16 pad;
};

struct tuple {
	__be32 src;
	__be32 dst;
	__be16 sport;
	__be16 dport;
	__u32 proto;
};

enum state { ST_NONE, ST_SYN_SENT, ST_SYN_RECEIVED, ST_ESTABLISHED, ST_FIN, ST_CLOSED, ST_DATAGRAM };

struct connection {
	__u32 state;
	__u32 rule;
	__u32 next_seq[2];
	struct counter counters[2];
};

struct denied {
	struct tuple tuple;
	__u32 rule;
	__u32 length;
	__u8 head[32];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct prefix);
	__type(value, __u32);
	__uint(max_entries, 256);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} zones SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct rule);
	__uint(max_entries, MAX_RULES);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct tuple);
	__type(value, struct connection);
	__uint(max_entries, 8192);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} denials SEC(".maps");

COUNTERS(rule_hits, __u32, MAX_RULES);

enum event { EV_NEW, EV_REPLY, EV_ORIGINAL, EV_RELATED, EV_INVALID, EV_DENIED, EV_NO_RULE, EV_LOG_LOST, EV_OTHER, EV_COUNT };
COUNTERS(events, enum event, EV_COUNT);

static __always_inline __u32 zone_of(__be32 addr)
{
	struct prefix key = { .bits = 32, .addr = addr };
	__u32 *zone = bpf_map_lookup_elem(&zones, &key);

	return zone ? *zone : ANY;
}

static __always_inline void turn(struct tuple *tuple)
{
	__be32 addr = tuple->src;
	__be16 port = tuple->sport;

	tuple->src = tuple->dst;
	tuple->dst = addr;
	tuple->sport = tuple->dport;
	tuple->dport = port;
}

/* The next state; ST_NONE for what does not fit. */
static __noinline __u32 advance(__u32 state, __u32 flags, __u32 reply)
{
	if (flags & TCP_RST)
		return ST_CLOSED;
	switch (state) {
	case ST_NONE:
		return flags & TCP_SYN && !(flags & TCP_ACK) ? ST_SYN_SENT : ST_NONE;
	case ST_SYN_SENT:
		if (reply)
			return flags & TCP_SYN && flags & TCP_ACK ? ST_SYN_RECEIVED : ST_NONE;
		/* one side is all that some captures have */
		return flags & TCP_SYN ? ST_SYN_SENT : ST_ESTABLISHED;
	case ST_SYN_RECEIVED:
		return flags & TCP_ACK ? ST_ESTABLISHED : ST_SYN_RECEIVED;
	case ST_ESTABLISHED:
		return flags & TCP_FIN ? ST_FIN : ST_ESTABLISHED;
	case ST_FIN:
		return flags & TCP_FIN && reply ? ST_CLOSED : ST_FIN;
	case ST_CLOSED:
		return flags & TCP_SYN ? ST_SYN_SENT : ST_CLOSED;
	}
	return ST_NONE;
}

static __noinline int match_rules(struct tuple *tuple)
{
	__u32 from, to;

	if (!tuple)
		return -1;
	from = zone_of(tuple->src);
	to = zone_of(tuple->dst);
	for (__u32 i = 0; i < MAX_RULES; i++) {
		__u32 key = i;
		struct rule *rule = bpf_map_lookup_elem(&rules, &key);
		__u16 port = bpf_ntohs(tuple->dport);

		if (!rule || !rule->action)
			break;
		if (rule->from_zone && rule->from_zone != from)
			continue;
		if (rule->to_zone && rule->to_zone != to)
			continue;
		if (rule->proto && rule->proto != tuple->proto)
			continue;
		if (rule->port_high && (port < rule->port_low || port > rule->port_high))
			continue;
		return i << 8 | rule->action;
	}
	return -1;
}

static __noinline int log_denied(struct xdp_md *ctx, struct tuple *tuple, __u32 rule)
{
	struct denied *record = bpf_ringbuf_reserve(&denials, sizeof(*record), 0);

	if (!record) {
		count_in(&events, EV_LOG_LOST, 0);
		return 0;
	}
	if (tuple)
		record->tuple = *tuple;
	record->rule = rule;
	record->length = ctx->data_end - ctx->data;
	__builtin_memset(record->head, 0, sizeof(record->head));
	if (bpf_xdp_load_bytes(ctx, 14, record->head, sizeof(record->head))) {
		bpf_ringbuf_discard(record, 0);
		return 0;
	}
	bpf_ringbuf_submit(record, 0);
	return 1;
}

static __always_inline int ports_of(void *l4, void *end, struct tuple *tuple, __u32 *flags, __u32 *seq)
{
	if (tuple->proto == IPPROTO_TCP) {
		HEADER_OR_RETURN(struct tcp_hdr, tcp, l4, end, -1)

		tuple->sport = tcp->src;
		tuple->dport = tcp->dst;
		*flags = tcp->flags;
		*seq = bpf_ntohl(tcp->seq);
	} else if (tuple->proto == IPPROTO_UDP) {
		HEADER_OR_RETURN(struct udp_hdr, udp, l4, end, -1)

		tuple->sport = udp->src;
		tuple->dport = udp->dst;
	} else if (tuple->proto == IPPROTO_ICMP) {
		HEADER_OR_RETURN(struct icmp_hdr, icmp, l4, end, -1)

		tuple->sport = icmp->id;
		tuple->dport = icmp->id;
		*flags = icmp->type;
	}
	return 0;
}

SEC("xdp")
int conntrack_fw(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 flags = 0, seq = 0, reply = 0, next;
	struct connection *connection, fresh = {};
	struct tuple tuple = {};
	__u64 bytes = end - data;
	__be16 proto;
	__u16 vlan;
	int off = skip_eth(data, end, &proto, &vlan), found;

	if (off < 0)
		return XDP_DROP;
	if (proto != bpf_htons(ETH_P_IP)) {
		count_in(&events, EV_OTHER, bytes);
		return XDP_PASS;
	}
	struct ipv4_hdr *ip = data + off;

	if ((void *)(ip + 1) > end || ip->version_ihl != 0x45 || ip->frag_off & bpf_htons(IP_OFFSET_MASK)) {
		count_in(&events, EV_INVALID, bytes);
		return XDP_DROP;
	}
	tuple.src = ip->src;
	tuple.dst = ip->dst;
	tuple.proto = ip->proto;
	if (ports_of(ip + 1, end, &tuple, &flags, &seq)) {
		count_in(&events, EV_INVALID, bytes);
		return XDP_DROP;
	}
	if (tuple.proto == IPPROTO_ICMP && flags == 3) {
		struct ipv4_hdr *quoted = (void *)(ip + 1) + sizeof(struct icmp_hdr);
		struct tuple other = {};
		__u32 none;

		if ((void *)(quoted + 1) > end || quoted->version_ihl != 0x45)
			return XDP_DROP;
		other.src = quoted->src;
		other.dst = quoted->dst;
		other.proto = quoted->proto;
		if (ports_of(quoted + 1, end, &other, &none, &none))
			return XDP_DROP;
		if (!bpf_map_lookup_elem(&connections, &other)) {
			turn(&other);
			if (!bpf_map_lookup_elem(&connections, &other)) {
				count_in(&events, EV_INVALID, bytes);
				return XDP_DROP;
			}
		}
		count_in(&events, EV_RELATED, bytes);
		return XDP_PASS;
	}
	connection = bpf_map_lookup_elem(&connections, &tuple);
	if (!connection) {
		turn(&tuple);
		connection = bpf_map_lookup_elem(&connections, &tuple);
		if (connection)
			reply = 1;
		else
			turn(&tuple);
	}
	if (connection) {
		if (tuple.proto == IPPROTO_TCP) {
			next = advance(connection->state, flags, reply);
			if (next == ST_NONE) {
				count_in(&events, EV_INVALID, bytes);
				return XDP_DROP;
			}
			connection->state = next;
			connection->next_seq[reply & 1] = seq + 1;
		}
		__sync_fetch_and_add(&connection->counters[reply & 1].packets, 1);
		__sync_fetch_and_add(&connection->counters[reply & 1].bytes, bytes);
		count_in(&events, reply ? EV_REPLY : EV_ORIGINAL, bytes);
		return XDP_PASS;
	}
	next = tuple.proto == IPPROTO_TCP ? advance(ST_NONE, flags, 0) : ST_DATAGRAM;
	if (next == ST_NONE) {
		count_in(&events, EV_INVALID, bytes);
		return XDP_DROP;
	}
	found = match_rules(&tuple);
	if (found < 0) {
		count_in(&events, EV_NO_RULE, bytes);
		return XDP_DROP;
	}
	count_in(&rule_hits, found >> 8, bytes);
	if ((found & 255) != 1) {
		count_in(&events, EV_DENIED, bytes);
		if ((found & 255) == 3)
			log_denied(ctx, &tuple, found >> 8);
		return XDP_DROP;
	}
	fresh.state = next;
	fresh.rule = found >> 8;
	fresh.next_seq[0] = seq + 1;
	fresh.counters[0].packets = 1;
	fresh.counters[0].bytes = bytes;
	bpf_map_update_elem(&connections, &tuple, &fresh, BPF_NOEXIST);
	count_in(&events, EV_NEW, bytes);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
