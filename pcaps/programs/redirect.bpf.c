/*
 * Redirects, to an interface and through a devmap.
 *
 * redirect_if sends everything to interface "to_ifindex" (1 unless a loader
 * changes it) with flags 0; for ARP it sets flags, which are not allowed: the
 * helper then returns XDP_ABORTED.
 *
 * redirect_map looks for the interface in the slot that the last byte of the
 * destination MAC says. For an empty slot the helper returns the lower bits of
 * its flags: XDP_PASS for IPv4, XDP_DROP for IPv6, XDP_TX for the rest. A slot
 * outside of the map is treated likewise. Which packets came to which slot is
 * counted in a hash map.
 */
#include "packet.h"

const volatile __u32 to_ifindex = 1;

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u32);
} tx_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u8);
	__type(value, __u64);
} slots_used SEC(".maps");

SEC("xdp")
int redirect_if(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_DROP);
	return bpf_redirect(to_ifindex, eth->proto == bpf_htons(ETH_P_ARP) ? 1 : 0);
}

SEC("xdp")
int redirect_map(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u64 one = 1, *count;
	__u64 otherwise = XDP_TX;
	__u8 slot;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_ABORTED);
	slot = eth->dst[5];
	if (eth->proto == bpf_htons(ETH_P_IP))
		otherwise = XDP_PASS;
	else if (eth->proto == bpf_htons(ETH_P_IPV6))
		otherwise = XDP_DROP;

	count = bpf_map_lookup_elem(&slots_used, &slot);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&slots_used, &slot, &one, BPF_ANY);
	return bpf_redirect_map(&tx_ports, slot, otherwise);
}

char LICENSE[] SEC("license") = "GPL";
