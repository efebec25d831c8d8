#include "backend/cpu/codegen/legalize.h"

#include <algorithm>
#include <optional>

#include "backend/cpu/codegen/scratch.h"
#include "kernel/mutate.h"

namespace tempera::cpu {
namespace {

using namespace kernel;  // NOLINT: this file is written in the kernel IR's terms

bool is_half(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16; }

bool is_expanded(Intrinsic intrinsic) {
  switch (intrinsic) {
    case Intrinsic::exp:
    case Intrinsic::exp2:
    case Intrinsic::exp2_bf16:
    case Intrinsic::log:
    case Intrinsic::sin:
    case Intrinsic::cos:
    case Intrinsic::tanh:
    case Intrinsic::erf:
      return true;
    default:
      return false;
  }
}

// Reductions round each of their steps and dot products define their own widening: both are printed
// as they are.
bool widens_itself(Intrinsic intrinsic) {
  switch (intrinsic) {
    case Intrinsic::reduce_add:
    case Intrinsic::reduce_max:
    case Intrinsic::reduce_min:
    case Intrinsic::interleave:
    case Intrinsic::bf16_dot:
    case Intrinsic::i8_dot:
    case Intrinsic::matrix_dot:
      return true;
    default:
      return false;
  }
}

// What the target lacks for this call; empty if nothing.
std::string missing_for(const Expr& e, const Target& target) {
  const int lanes = e->type.lanes;
  const bool x86_lanes = lanes == 4 || lanes == 8 || lanes == 16;
  if (e->intrinsic == Intrinsic::bf16_dot && !(target.has_bf16_dot && x86_lanes))
    return fmt::format("bf16_dot of {} lanes", lanes);
  if (e->intrinsic == Intrinsic::i8_dot && !(target.has_i8_dot && x86_lanes))
    return fmt::format("i8_dot of {} lanes", lanes);
  if (e->intrinsic == Intrinsic::matrix_dot) {
    const MatrixExtents m = extents_of_dot(e->args);
    const MatrixTiles& tiles = target.bf16_matrices;
    if (m.rows > tiles.rows || m.columns > tiles.columns || m.depth > tiles.depth)
      return fmt::format("matrix_dot of {}x{}x{}", m.rows, m.columns, m.depth);
  }
  if (is_expanded(e->intrinsic) && e->type.dtype == DType::f64)
    return fmt::format("{} of f64", name(e->intrinsic));
  return {};
}

Status check_expression(const Kernel& kernel, const Target& target, const Expr& root) {
  std::string missing;
  for_each_node(root, [&](const Expr& e) {
    if (missing.empty() && e->kind == ExprKind::call) missing = missing_for(e, target);
  });
  if (missing.empty()) return {};
  return error(ErrorCode::unsupported,
               "kernel {}: {} has no {}; choose a schedule that does without it", kernel.name,
               target.cpu, missing);
}

Status check_loop(const Kernel& kernel, const Stmt& s) {
  const bool constant = as_int(s->begin) && as_int(s->extent);
  if (s->loop_kind == LoopKind::serial || constant) return {};
  return error(ErrorCode::unsupported,
               "kernel {}: loop {} has no constant bounds, which only serial loops may lack",
               kernel.name, s->variable->name);
}

struct WidenHalves : Mutator {
  bool keep_f16;
  explicit WidenHalves(bool native_f16) : keep_f16(native_f16) {}
  using Mutator::visit;

  bool widens(DType dtype) const { return is_half(dtype) && !(keep_f16 && dtype == DType::f16); }

  Expr visit(const Expr& original) override {
    const Expr e = Mutator::visit(original);
    const bool computes = e->kind == ExprKind::binary || e->kind == ExprKind::unary ||
                          (e->kind == ExprKind::call && !widens_itself(e->intrinsic));
    if (!computes || !widens(e->args[0]->type.dtype)) return e;
    std::vector<Expr> args;
    for (const Expr& arg : e->args) args.push_back(cast(DType::f32, arg));
    const Expr wide = with_args(e, std::move(args));
    return is_half(e->type.dtype) ? cast(e->type.dtype, wide) : wide;
  }
};

// f16 arithmetic that the hardware does itself: functions that are expanded need f32.
struct WidenExpanded : WidenHalves {
  WidenExpanded() : WidenHalves(false) {}
  Expr visit(const Expr& e) override {
    const bool expanded = e->kind == ExprKind::call && is_expanded(e->intrinsic);
    return expanded ? WidenHalves::visit(e) : Mutator::visit(e);
  }
  using Mutator::visit;
};

}  // namespace

Status check(const Kernel& kernel, const Target& target) {
  Status status;
  for_each_stmt(kernel.body, [&](const Stmt& s) {
    if (status.ok() && s->kind == StmtKind::loop) status = check_loop(kernel, s);
    for (const Expr& e : own_expressions(s))
      if (status.ok()) status = check_expression(kernel, target, e);
  });
  return status;
}

Kernel widen_halves(const Kernel& kernel, const Target& target) {
  if (target.has_f16_arithmetic) {
    const Stmt body = WidenExpanded().mutate(kernel.body);
    return {kernel.name, kernel.parameters, WidenHalves(true).mutate(body)};
  }
  return {kernel.name, kernel.parameters, WidenHalves(false).mutate(kernel.body)};
}

Result<Kernel> legalize(const Kernel& kernel, const Target& target) {
  TRY(check(kernel, target));
  return widen_halves(serialize_lanes(kernel), target);
}

int64_t scratch_bytes(const Kernel& kernel) {
  return layout_scratch(serialize_lanes(kernel)).bytes;
}

}  // namespace tempera::cpu
