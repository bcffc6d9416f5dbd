/*
 * Network prefix translation for IPv6 (RFC 6296): one prefix inside, another
 * one outside, the checksum kept by an adjustment of one word of the
 * address, so that no transport header is touched. Hairpins are turned.
 */
#include "app.h"

struct translation {
	__be32 to[2]; /* a /64 */
	__u16 adjustment;
	__u16 pad;
	__u32 direction; /* 0: source, 1: destination */
	__u64 packets;
};

struct prefix {
	__u32 bits;
	__be32 addr[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct prefix);
	__type(value, struct translation);
	__uint(max_entries, 32);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} inside SEC(".maps"), outside SEC(".maps");

__u64 out, in, hairpins, untouched, not_mappable;

static __always_inline __u16 add(__u16 a, __u16 b)
{
	__u32 sum = (__u32)a + b;

	return (sum & 0xffff) + (sum >> 16);
}

/* Replaces the upper half; the first word of the lower half that is not 0xffff takes the difference. */
static __always_inline int translate(__be32 *addr, struct translation *translation)
{
	__u16 *words = (__u16 *)addr, sum;

	addr[0] = translation->to[0];
	addr[1] = translation->to[1];
	for (int i = 4; i < 8; i++) {
		if (words[i] == 0xffff)
			continue;
		sum = add(words[i], translation->adjustment);
		words[i] = sum == 0xffff ? 0 : sum;
		__sync_fetch_and_add(&translation->packets, 1);
		return 1;
	}
	return 0;
}

SEC("xdp")
int nptv6(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct prefix from = { .bits = 128 }, to = { .bits = 128 };
	struct translation *source, *destination;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS)
	HEADER_OR_RETURN(struct ipv6_hdr, ip6, eth + 1, end, XDP_PASS)

	if (eth->proto != bpf_htons(ETH_P_IPV6))
		return XDP_PASS;
	__builtin_memcpy(from.addr, ip6->src, 16);
	__builtin_memcpy(to.addr, ip6->dst, 16);
	source = bpf_map_lookup_elem(&inside, &from);
	destination = bpf_map_lookup_elem(&outside, &to);
	if (!source) {
		asm volatile(""); /* keeps the two tests apart: pointers can't be or-ed */
		if (!destination) {
			__sync_fetch_and_add(&untouched, 1);
			return XDP_PASS;
		}
	}
	if (ip6->hop_limit <= 1)
		return XDP_DROP;
	if (source && !translate(ip6->src, source))
		goto not_mappable;
	if (destination && !translate(ip6->dst, destination))
		goto not_mappable;
	ip6->hop_limit--;
	if (source && destination) {
		__sync_fetch_and_add(&hairpins, 1);
		swap_macs(eth);
		return XDP_TX;
	}
	__sync_fetch_and_add(source ? &out : &in, 1);
	return XDP_PASS;
not_mappable:
	__sync_fetch_and_add(&not_mappable, 1);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
