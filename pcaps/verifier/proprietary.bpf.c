/* What programs under other licenses may not call. */
#include "../programs/packet.h"

extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

SEC("xdp")
int helper_for_gpl_programs(struct xdp_md *ctx)
{
	char bytes[4];

	return bpf_probe_read_kernel(bytes, sizeof(bytes), ctx);
}

SEC("xdp")
int helper_for_all_programs(struct xdp_md *ctx)
{
	return bpf_get_prandom_u32() & 1;
}

SEC("xdp")
int kernel_function(struct xdp_md *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Proprietary";
