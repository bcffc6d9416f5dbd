/*
 * What Rust's aya makes of a program: maps of 28 bytes an entry in a section
 * "maps", with BTF for everything else, functions that are not inlined in
 * .text, names in capitals, and a program called from nowhere.
 */
#include "../packet.h"

struct aya_map_def {
	__u32 type, key_size, value_size, max_entries, map_flags, id, pinning;
};

struct aya_map_def COUNTERS SEC("maps") = { BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 4 };
struct aya_map_def BLOCKLIST SEC("maps") = { BPF_MAP_TYPE_HASH, 4, 4, 1024 };
/* pinned by name */
struct aya_map_def SEEN SEC("maps") = { BPF_MAP_TYPE_LRU_HASH, 4, 8, 64, 0, 0, 1 };

const volatile __u32 LEVEL = 2;

__attribute__((noinline)) __u32 class_of(__u32 length)
{
	return length < 64 ? 0 : length < 512 ? 1 : LEVEL;
}

static __attribute__((noinline)) int is_blocked(__be32 address)
{
	__u64 one = 1;

	bpf_map_update_elem(&SEEN, &address, &one, BPF_NOEXIST);
	return bpf_map_lookup_elem(&BLOCKLIST, &address) != 0;
}

SEC("xdp")
int firewall(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 class = class_of(end - data);
	__u64 *n = bpf_map_lookup_elem(&COUNTERS, &class);

	if (n)
		++*n;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_ABORTED);
	if (eth->proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_DROP);
	return is_blocked(ip->src) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
