"""Which of PyTorch's operators a captured program may name, and what it may give them as arguments.

A program comes from anybody. It names operators that compute on tensors, reach no file, no device and no memory but
those of their tensors, and draw no random numbers. The list is of names; every overload counts that writes into nothing
but its first argument, as `relu_` does.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch._ops import OpOverload

_ELEMENTWISE = """
abs absolute acos acosh add addcdiv addcmul angle arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin asinh atan
atan2 atanh bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor ceil celu clamp
clamp_max clamp_min clip complex conj conj_physical copysign cos cosh deg2rad digamma div divide elu eq erf erfc erfinv
exp exp2 expm1 fill fix float_power floor floor_divide fmax fmin fmod frac gcd ge gelu glu greater greater_equal gt
hardshrink hardsigmoid hardswish hardtanh heaviside hypot i0 igamma igammac imag isclose isfinite isinf isnan isneginf
isposinf isreal lcm ldexp le leaky_relu lerp less less_equal lgamma log log10 log1p log2 log_sigmoid logaddexp
logaddexp2 logical_and logical_not logical_or logical_xor logit lt maximum minimum mish mul multiply nan_to_num
ne neg negative nextafter not_equal polar polygamma positive pow prelu rad2deg real reciprocal relu relu6 remainder
round rrelu rsqrt rsub selu sgn sigmoid sign signbit silu sin sinc sinh softplus softshrink special_digamma special_entr
special_erf special_erfc special_erfcx special_erfinv special_exp2 special_expit special_expm1 special_gammainc
special_gammaincc special_gammaln special_i0 special_i0e special_i1 special_i1e special_log1p special_log_ndtr
special_logit special_ndtr special_ndtri special_polygamma special_psi special_round special_sinc
special_xlog1py special_xlogy sqrt square sub subtract tan tanh threshold true_divide trunc where xlogy zero
"""
_REDUCTIONS = """
all allclose amax amin aminmax any argmax argmin count_nonzero cummax cummin cumprod cumsum cumulative_trapezoid diff
dist equal frobenius_norm kthvalue linalg_matrix_norm linalg_norm linalg_vecdot linalg_vector_norm log_softmax
logcumsumexp logsumexp max mean median min mode nanmean nanmedian nanquantile nansum norm norm_except_dim nuclear_norm
prod quantile softmax special_log_softmax special_logsumexp special_softmax std std_mean sum sum_to_size trapezoid trapz
var var_mean
"""
_SHAPES = """
adjoint alias alias_copy atleast_1d atleast_2d atleast_3d block_diag broadcast_tensors broadcast_to cartesian_prod cat
channel_shuffle chunk clone column_stack concat concatenate constant_pad_nd contiguous copy detach detach_copy diag
diag_embed diagflat diagonal diagonal_copy diagonal_scatter dsplit dstack expand expand_as expand_copy fill_diagonal
flatten flip fliplr flipud hsplit hstack im2col col2im lift_fresh lift_fresh_copy mH mT matrix_H meshgrid moveaxis
movedim narrow narrow_copy numpy_T pad permute permute_copy pixel_shuffle pixel_unshuffle ravel reflection_pad1d
reflection_pad2d reflection_pad3d repeat repeat_interleave replication_pad1d replication_pad2d replication_pad3d reshape
reshape_as resolve_conj resolve_neg roll rot90 row_stack select select_copy select_scatter slice slice_copy
slice_scatter split split_copy split_with_sizes split_with_sizes_copy squeeze squeeze_copy stack swapaxes swapdims t
t_copy tensor_split tile to transpose transpose_copy tril triu type_as unbind unbind_copy unflatten unfold unfold_copy
unsafe_chunk unsafe_split unsafe_split_with_sizes unsqueeze unsqueeze_copy vander view view_as view_as_complex
view_as_real view_copy vsplit vstack
"""
_INDEXING = """
argsort argwhere bincount bucketize embedding embedding_bag gather histc index index_add index_copy index_fill index_put
index_select isin masked_fill masked_scatter masked_select msort nonzero nonzero_static one_hot put scatter
scatter_add scatter_reduce searchsorted sort take take_along_dim topk tril_indices triu_indices unique_consecutive
unique_dim
"""
_MADE = """
arange as_tensor bartlett_window blackman_window eye full full_like hamming_window hann_window kaiser_window linspace
logspace new_full new_ones new_zeros ones ones_like range scalar_tensor zeros zeros_like
"""
_PRODUCTS = """
addbmm addmm addmv addr baddbmm bilinear bmm cdist chain_matmul cosine_similarity cov corrcoef cross dot einsum inner
kron linalg_cholesky linalg_cross linalg_det linalg_diagonal linalg_eigh linalg_eigvalsh linalg_inv linalg_matmul
linalg_matrix_exp linalg_matrix_power linalg_multi_dot linalg_pinv linalg_qr linalg_slogdet linalg_solve
linalg_solve_triangular linalg_svd linalg_svdvals linear logdet matmul matrix_exp matrix_power mm mv outer
pairwise_distance scaled_dot_product_attention slogdet tensordot trace vdot cholesky det inverse pinverse
"""
_LAYERS = """
adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d
adaptive_max_pool3d affine_grid_generator alpha_dropout avg_pool1d avg_pool2d avg_pool3d batch_norm conv1d conv2d
conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution dropout feature_alpha_dropout feature_dropout
grid_sampler grid_sampler_2d grid_sampler_3d group_norm gru gru_cell instance_norm layer_norm lstm lstm_cell
max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d max_pool3d_with_indices max_unpool2d
max_unpool3d native_channel_shuffle native_dropout native_group_norm native_layer_norm renorm rms_norm rnn_relu
rnn_relu_cell rnn_tanh rnn_tanh_cell upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d
upsample_nearest2d upsample_nearest3d upsample_trilinear3d
"""
_LOSSES = """
binary_cross_entropy binary_cross_entropy_with_logits cross_entropy_loss huber_loss kl_div l1_loss mse_loss nll_loss
smooth_l1_loss
"""
_SIGNALS = """
fft_fft fft_fft2 fft_fftfreq fft_fftn fft_fftshift fft_hfft fft_ifft fft_ifft2 fft_ifftn fft_ifftshift fft_ihfft
fft_irfft fft_irfft2 fft_irfftn fft_rfft fft_rfft2 fft_rfftfreq fft_rfftn istft stft
"""
_FACTS = "dim is_complex is_floating_point is_nonzero is_same_size item numel size sym_numel sym_size sym_stride"
_INNER = """
_adaptive_avg_pool2d _adaptive_avg_pool3d _cdist_forward _conj _convolution _embedding_bag _euclidean_dist _fft_c2c
_fft_c2r _fft_r2c _log_softmax _native_batch_norm_legit_no_training _prelu_kernel _safe_softmax
_shape_as_tensor _softmax _to_copy
_trilinear _unsafe_index _unsafe_view _upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_nearest_exact1d
_upsample_nearest_exact2d _upsample_nearest_exact3d _weight_norm _weight_norm_interface
"""
"""Internal ones that exported networks contain; the others trust their arguments."""

ALLOWED = frozenset(
    " ".join(
        (_ELEMENTWISE, _REDUCTIONS, _SHAPES, _INDEXING, _MADE, _PRODUCTS, _LAYERS, _LOSSES, _SIGNALS, _FACTS, _INNER)
    ).split()
)
"""Names of operators; with `_` behind them they work in place."""

_OPERATOR = re.compile(r"aten\.([A-Za-z0-9_]+)\.([A-Za-z0-9_]+)")
_KINDS = {"ScalarType": "dtype", "Device": "device", "Layout": "layout", "MemoryFormat": "memory"}
_REFUSED = {
    "aten.view.dtype",
    "aten.view_copy.dtype",
    *(f"aten.{kind}.data" for kind in ("gru", "lstm", "rnn_tanh", "rnn_relu")),
}
"""Overloads that take bytes for another type, or lengths of sequences on trust."""
_NEVER = ("Generator", "Stream", "Storage", "Dimname", "QScheme")


def overload_of(target: str) -> OpOverload | None:
    """The operator that a program names.

    Args:
        target: `aten.linear.default` for instance.

    Returns:
        The operator; None where there is none of that name, or it is not allowed.
    """
    matched = _OPERATOR.fullmatch(target)
    if matched is None or target in _REFUSED or not {matched[1], matched[1].removesuffix("_")} & ALLOWED:
        return None
    overload = getattr(getattr(torch.ops.aten, matched[1], None), matched[2], None)
    return overload if isinstance(overload, OpOverload) and _computes_on_tensors(overload) else None


def writes_in_place(overload: OpOverload) -> bool:
    """Whether an operator changes its first argument."""
    first = overload._schema.arguments[:1]  # noqa: SLF001 - PyTorch has no other way to its schema
    return bool(first and first[0].alias_info and first[0].alias_info.is_write)


def check_arguments(overload: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Compare the arguments that a file gives an operator with its schema; types of tensors come at the run.

    PyTorch takes a text for a device and a number for a type; a program says `{"device": "cpu"}` and
    `{"dtype": "float32"}`, which mean what is allowed.

    Args:
        overload: the operator.
        args: as they stand in the file.
        kwargs: the same, by name.

    Raises:
        ValueError: an argument is unknown, or is not of the schema's kind.
    """
    schema = overload._schema  # noqa: SLF001 - PyTorch has no other way to its schema
    by_name = {argument.name: argument for argument in schema.arguments}
    plain = [argument for argument in schema.arguments if not argument.kwarg_only]
    if len(args) > len(plain) or any(name not in by_name for name in kwargs):
        raise ValueError(f"the operator {overload} takes other arguments")
    given = [*zip(plain, args, strict=False), *((by_name[name], value) for name, value in kwargs.items())]
    for argument, value in given:
        kind = str(argument.real_type)
        if any(name in kind for name in _NEVER) and value is not None:
            raise ValueError(f"the argument {argument.name} of {overload} must be null")
        wanted = next((word for name, word in _KINDS.items() if name in kind), None)
        if wanted is not None and value is not None and not (isinstance(value, dict) and set(value) == {wanted}):
            raise ValueError(f"the argument {argument.name} of {overload} must be null or name a {wanted}")
        if isinstance(value, str) and "str" not in kind:
            raise ValueError(f"the argument {argument.name} of {overload} is no text")


def _computes_on_tensors(overload: OpOverload) -> bool:
    """Whether it takes or gives tensors, knows no lists of anything and no dictionaries, and writes into its first."""
    schema = overload._schema  # noqa: SLF001 - PyTorch has no other way to its schema
    kinds = [str(each.real_type) for each in (*schema.arguments, *schema.returns)]
    if not any("Tensor" in kind for kind in kinds) or any(kind.startswith(("Dict[", "List[t]")) for kind in kinds):
        return False
    return not any(each.alias_info and each.alias_info.is_write for each in schema.arguments[1:])
