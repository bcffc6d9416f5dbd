/*
 * Sends samples of packets to user space with their metadata
 * (bpf_perf_event_output with bytes of the packet): every n-th of a flow class,
 * all that match a filter, and no more than a budget a window.
 */
#include "app.h"

struct metadata {
	__u32 ifindex;
	__u32 queue;
	__u32 length;
	__u32 captured;
	__u64 sequence;
	__u32 rule;
	__u32 hash;
};

struct filter {
	__be32 addr;
	__be32 mask;
	__be16 port;
	__u8 proto;
	__u8 enabled;
	__u32 every;
	__u64 matched;
	__u64 sampled;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct filter);
	__uint(max_entries, 8);
} filters SEC(".maps");

const volatile __u32 snaplen = 96;
const volatile __u64 window = 128;
const volatile __u32 budget = 40;
__u64 sequence, sent, failed, over_budget;
__u32 left;

SEC("xdp")
int sampler(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct metadata metadata = {};
	struct ipv4_hdr *ip;
	__be16 proto = 0, port = 0;
	__u16 vlan;
	int off = skip_eth(data, end, &proto, &vlan);

	if (sequence++ % window == 0)
		left = budget;
	if (off < 0 || proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	ip = data + off;
	if ((void *)(ip + 1) > end)
		return XDP_PASS;
	if (ip->proto == IPPROTO_TCP || ip->proto == IPPROTO_UDP) {
		struct udp_hdr *l4 = (void *)(ip + 1);

		if ((void *)(l4 + 1) <= end)
			port = l4->dst;
	}
	for (__u32 i = 0; i < 8; i++) {
		__u32 key = i;
		struct filter *filter = bpf_map_lookup_elem(&filters, &key);

		if (!filter || !filter->enabled)
			break;
		if ((ip->dst & filter->mask) != filter->addr)
			continue;
		if (filter->proto && filter->proto != ip->proto)
			continue;
		if (filter->port && filter->port != port)
			continue;
		__u64 n = filter->matched++;

		if (filter->every && n % filter->every)
			continue;
		if (!left) {
			over_budget++;
			break;
		}
		left--;
		filter->sampled++;
		metadata.ifindex = ctx->ingress_ifindex;
		metadata.queue = ctx->rx_queue_index;
		metadata.length = end - data;
		metadata.captured = metadata.length < snaplen ? metadata.length : snaplen;
		metadata.sequence = sequence;
		metadata.rule = i;
		metadata.hash = hash_words(&ip->src, 2, i);
		__u64 flags = BPF_F_CURRENT_CPU | (__u64)metadata.captured << 32;

		if (bpf_perf_event_output(ctx, &samples, flags, &metadata, sizeof(metadata)))
			failed++;
		else
			sent++;
		break;
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
