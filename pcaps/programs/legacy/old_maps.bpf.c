/*
 * How objects looked before BTF: maps are structs in the section "maps", the
 * program is in a section of any name. Does the same as proto_counter.bpf.c, so
 * that the results must be the same.
 *
 * OLD_MAP_BYTES says how long an entry of the section is: 20 (five words) or 28
 * (libbpf's samples with inner map index and numa node).
 */
#include "../packet.h"

struct old_map_def {
	unsigned int type;
	unsigned int key_size;
	unsigned int value_size;
	unsigned int max_entries;
	unsigned int map_flags;
#if OLD_MAP_BYTES >= 28
	unsigned int inner_map_idx;
	unsigned int numa_node;
#endif
};

_Static_assert(sizeof(struct old_map_def) == OLD_MAP_BYTES, "entry of the maps section");

struct counter {
	__u64 packets;
	__u64 bytes;
};

struct old_map_def SEC("maps") unused = {
	.type = BPF_MAP_TYPE_HASH,
	.key_size = 6,
	.value_size = 8,
	.max_entries = 10,
};

struct old_map_def SEC("maps") protocols = {
	.type = BPF_MAP_TYPE_ARRAY,
	.key_size = sizeof(__u32),
	.value_size = sizeof(struct counter),
	.max_entries = 256,
};

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

SEC(OLD_SECTION)
int old_proto_counter(struct xdp_md *ctx)
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

char _license[] SEC("license") = "GPL";
unsigned int _version SEC("version") = 1;
