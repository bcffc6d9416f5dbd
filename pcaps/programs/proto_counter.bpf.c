/*
 * Packets and bytes per IP protocol, in an array map with one element per
 * protocol number. What is no IP is counted under 255, which is reserved.
 */
#include "packet.h"

struct counter {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct counter);
} protocols SEC(".maps");

static __always_inline __u32 protocol_of(void *data, void *end)
{
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, 255);

	if (eth->proto == bpf_htons(ETH_P_IP)) {
		HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, 255);
		return ip->proto;
	}
	if (eth->proto == bpf_htons(ETH_P_IPV6)) {
		HEADER_OR_RETURN(struct ipv6_hdr, ip6, eth + 1, end, 255);
		return ip6->next_hdr;
	}
	return 255;
}

SEC("xdp")
int proto_counter(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 key = protocol_of(data, end);
	struct counter *c = bpf_map_lookup_elem(&protocols, &key);

	if (c) {
		__sync_fetch_and_add(&c->packets, 1);
		__sync_fetch_and_add(&c->bytes, end - data);
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
