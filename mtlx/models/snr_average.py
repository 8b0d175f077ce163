"""Sub-network routing that averages."""

from mtlx.models.snr import SNRTrans


class SNRAverage(SNRTrans):
    """`SNRTrans` without matrices: v_j = sum_i z_ji u_i.

    Args:
        num_modules, module_width, num_levels: see `SNRTrans`.
        sparsity, beta, gamma, zeta: see `Routing`.
        tasks, outputs, encoder, tower_widths: see `MultiTaskModel`.
        activation, norm, dropout_rate, dtype: see `Layer`.

    Reference:
        Ma et al., "SNR: Sub-Network Routing for Flexible Parameter Sharing in
        Multi-Task Learning", AAAI 2019 (SNR-Aver).
    """

    module_width: int = 92

    transform = False
