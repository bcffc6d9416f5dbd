/*
 * Flow records as NetFlow and IPFIX have them: counters by flow, exported
 * through a ring buffer when TCP ends, when a flow gets too long, and for all
 * flows of a direction when a control packet asks for it (for_each_map_elem).
 */
#include "app.h"

struct flow_key {
	__be32 src[4];
	__be32 dst[4];
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 tos;
	__u16 vlan;
};

struct flow {
	__u64 first;
	__u64 last;
	__u64 packets;
	__u64 bytes;
	__u32 min_length;
	__u32 max_length;
	__u8 flags;
	__u8 exported;
	__u16 pad;
	__u32 ifindex;
};

enum why { WHY_END, WHY_LONG, WHY_ASKED };

struct record {
	struct flow_key key;
	struct flow flow;
	__u64 why;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct flow_key);
	__type(value, struct flow);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 17);
} records SEC(".maps");

const volatile __u64 long_flow = 24; /* packets */
__u64 sequence, exported, lost, table_full, asked, walked;

static __always_inline int export(struct flow_key *key, struct flow *flow, enum why why)
{
	struct record record = {};

	record.key = *key;
	record.flow = *flow;
	record.why = why;
	if (bpf_ringbuf_output(&records, &record, sizeof(record), BPF_RB_NO_WAKEUP)) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	__sync_fetch_and_add(&exported, 1);
	return 1;
}

/* The order of a hash is nobody's business: only sums are kept of this walk. */
static long sum_up(void *map, struct flow_key *key, struct flow *flow, __u64 *sums)
{
	sums[0] += flow->packets;
	sums[1] += flow->bytes;
	sums[2]++;
	return 0;
}

__u64 totals[3];

SEC("xdp")
int flow_exporter(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct flow_key key = {};
	struct flow *flow, fresh = {};
	__u32 bytes = end - data;
	__u8 flags = 0;
	__be16 proto;
	int off = skip_eth(data, end, &proto, &key.vlan);
	void *l4;

	sequence++;
	if (off < 0)
		return XDP_PASS;
	if (proto == bpf_htons(ETH_P_IP)) {
		struct ipv4_hdr *ip = data + off;

		if ((void *)(ip + 1) > end || ip->version_ihl != 0x45)
			return XDP_PASS;
		key.src[0] = ip->src;
		key.dst[0] = ip->dst;
		key.proto = ip->proto;
		key.tos = ip->tos;
		l4 = ip + 1;
	} else if (proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6_hdr *ip6 = data + off;

		if ((void *)(ip6 + 1) > end)
			return XDP_PASS;
		__builtin_memcpy(key.src, ip6->src, 16);
		__builtin_memcpy(key.dst, ip6->dst, 16);
		key.proto = ip6->next_hdr;
		key.tos = bpf_ntohl(ip6->version_class_flow) >> 20;
		l4 = ip6 + 1;
	} else {
		return XDP_PASS;
	}
	if (key.proto == IPPROTO_TCP) {
		HEADER_OR_RETURN(struct tcp_hdr, tcp, l4, end, XDP_PASS)

		key.sport = tcp->src;
		key.dport = tcp->dst;
		flags = tcp->flags;
	} else if (key.proto == IPPROTO_UDP) {
		HEADER_OR_RETURN(struct udp_hdr, udp, l4, end, XDP_PASS)

		key.sport = udp->src;
		key.dport = udp->dst;
		if (udp->dst == bpf_htons(7003)) {
			__u64 sums[3] = {};
			long n = bpf_for_each_map_elem(&flows, sum_up, sums, 0);

			if (n >= 0)
				walked += n;
			totals[0] = sums[0];
			totals[1] = sums[1];
			totals[2] = sums[2];
			asked++;
		}
	}
	flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow) {
		fresh.first = sequence;
		fresh.min_length = bytes;
		fresh.ifindex = ctx->ingress_ifindex;
		if (bpf_map_update_elem(&flows, &key, &fresh, BPF_NOEXIST)) {
			__sync_fetch_and_add(&table_full, 1);
			return XDP_PASS;
		}
		flow = bpf_map_lookup_elem(&flows, &key);
		if (!flow)
			return XDP_PASS;
	}
	flow->last = sequence;
	flow->packets++;
	flow->bytes += bytes;
	flow->flags |= flags;
	if (bytes < flow->min_length)
		flow->min_length = bytes;
	if (bytes > flow->max_length)
		flow->max_length = bytes;
	if (flags & (TCP_FIN | TCP_RST)) {
		export(&key, flow, WHY_END);
		bpf_map_delete_elem(&flows, &key);
	} else if (flow->packets >= long_flow) {
		export(&key, flow, WHY_LONG);
		flow->packets = 0;
		flow->bytes = 0;
		flow->exported++;
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
