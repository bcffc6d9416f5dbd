/*
 * Programs whose result is not the same in each run, because they ask for the
 * time or for a random number. What can be said of any run: "backwards" stays 0,
 * and sample's counters add up to the number of packets.
 */
#include "packet.h"

__u64 first_ns;
__u64 last_ns;
__u64 longest_gap_ns;
__u64 backwards;

/* passes everything, keeps times */
SEC("xdp")
int gaps(struct xdp_md *ctx)
{
	__u64 now = bpf_ktime_get_ns();

	if (!first_ns)
		first_ns = now;
	if (now < last_ns)
		backwards++;
	else if (last_ns && now - last_ns > longest_gap_ns)
		longest_gap_ns = now - last_ns;
	last_ns = now;
	return XDP_PASS;
}

__u64 sampled;
__u64 not_sampled;

/* drops one packet in eight, by chance */
SEC("xdp")
int sample(struct xdp_md *ctx)
{
	if (bpf_get_prandom_u32() % 8 == 0) {
		sampled++;
		return XDP_DROP;
	}
	not_sampled++;
	return XDP_PASS;
}

struct bucket {
	__u64 tokens;
	__u64 refilled_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __be32);
	__type(value, struct bucket);
} buckets SEC(".maps");

const volatile __u64 ns_per_token = 1000000; /* 1,000 packets a second from each IPv4 source */
const volatile __u64 burst = 10;

/* a token bucket per IPv4 source */
SEC("xdp")
int rate_limit(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u64 now = bpf_ktime_get_ns();
	__u64 fresh;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS);
	if (eth->proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS);
	__be32 src = ip->src;
	struct bucket *b = bpf_map_lookup_elem(&buckets, &src);
	if (!b) {
		struct bucket full = { .tokens = burst - 1, .refilled_ns = now };
		bpf_map_update_elem(&buckets, &src, &full, BPF_ANY);
		return XDP_PASS;
	}
	fresh = (now - b->refilled_ns) / ns_per_token;
	if (fresh) {
		b->tokens = b->tokens + fresh > burst ? burst : b->tokens + fresh;
		b->refilled_ns += fresh * ns_per_token;
	}
	if (!b->tokens)
		return XDP_DROP;
	b->tokens--;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
