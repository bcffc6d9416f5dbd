/*
 * Asks the device what it knows of a packet. Linux loads it for one device
 * only (bpftool prog load ... xdpmeta_dev eth0).
 */
#include "../packet.h"

extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, __u64 *timestamp) __ksym;
extern int bpf_xdp_metadata_rx_hash(const struct xdp_md *ctx, __u32 *hash, __u32 *type) __ksym;
extern int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *ctx, __be16 *protocol, __u16 *tci) __ksym __weak;

__u64 last;
__u64 stamped;
__u64 hashed;
__u64 tagged;

SEC("xdp")
int metadata(struct xdp_md *ctx)
{
	__be16 protocol;
	__u64 timestamp;
	__u32 hash, type;
	__u16 tci;

	if (!bpf_xdp_metadata_rx_timestamp(ctx, &timestamp)) {
		last = timestamp;
		stamped++;
	}
	if (!bpf_xdp_metadata_rx_hash(ctx, &hash, &type))
		hashed++;
	if (bpf_xdp_metadata_rx_vlan_tag && !bpf_xdp_metadata_rx_vlan_tag(ctx, &protocol, &tci))
		tagged++;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
