#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/type.h"

namespace tempera::kernel {

// Expressions of the kernel IR: immutable nodes behind shared handles. A rewrite that changes
// nothing returns the same node.
//
// Semantics.
// - An expression has no side effects; evaluation order is free. `select` evaluates both arms:
//   neither may read out of range. A load may only be evaluated where its index is in range, except
//   for lanes switched off by its mask.
// - A node is evaluated where its statement stands: a load that two statements share reads memory
//   for each.
// - Indices are i32. i32 add, sub, mul and neg in index arithmetic must not overflow (a code
//   generator may assume so); i8, u8 and i64 arithmetic wraps. div and mod of integers round
//   towards minus infinity (mod has the divisor's sign); a zero divisor is undefined. Shifts by the
//   type's width or more are undefined.
// - Float arithmetic is IEEE in the node's dtype, rounded once per node, and never contracted or
//   reassociated: a fused multiply-add is the intrinsic `fma`. f16 and bf16 operands are widened to
//   f32, computed and rounded back.
// - min and max of floats give the second operand if either is NaN (x86's minps). Comparisons with
//   NaN are false, `ne` is true.
// - cast float to integer truncates and saturates, NaN gives 0; integer to narrower integer wraps;
//   to bool is x != 0.
// - cast to f16 or bf16 from anything wider than f32, or from an integer, goes by way of f32
//   (rounded twice).
// - bf16_dot, matrix_dot, and a cast to bf16 under `interleave`, may take subnormal numbers for 0,
//   and matrix_dot may give 0 for them.
// - A matrix is a vector, row after row. A code generator keeps it in a tile register if only
//   matrix_dot, constants of 0, loads and stores at ramps of ramps, and registers of its type touch
//   it.
// - bool is 0 or 1; vectors of bool are masks.
// - A binary node's operands have the same type; the builders below broadcast a scalar operand to
//   the other's lanes.

enum class ExprKind : uint8_t {
  constant,
  variable,
  unary,
  binary,
  select,
  cast,
  broadcast,
  repeat,
  ramp,
  load,
  extract,
  call
};

enum class UnaryOp : uint8_t { neg, logical_not };
enum class BinaryOp : uint8_t {
  add,
  sub,
  mul,
  div,
  mod,
  min,
  max,
  bit_and,
  bit_or,
  bit_xor,
  shift_left,
  shift_right,
  lt,
  le,
  eq,
  ne
};
bool is_comparison(BinaryOp op);

// Named operations with a defined meaning in the interpreter; a code generator prints each its own
// way.
enum class Intrinsic : uint8_t {
  fma,  // fma(a, b, c) = a * b + c, rounded once
  sqrt,
  rsqrt,  // rsqrt is 1 / sqrt, rounded twice
  exp,
  exp2,
  log,
  sin,
  cos,
  tanh,
  erf,        // f32 within 4 ulp (tanh, erf: 1e-6 absolute as well)
  exp2_bf16,  // 2^x of f32, x < 127, within 2^-13 of itself: for results that are rounded to bf16;
              // anything from 0 to 2^-126 where the result is less or x is NaN
  abs,
  floor,
  ceil,
  round,  // round: halves to even
  reduce_add,
  reduce_max,
  reduce_min,  // a vector's lanes to a scalar, pairwise: lane i with lane i + n / 2, and so on
  interleave,  // interleave(a, b): lanes a[0], b[0], a[1], b[1], ...
  bf16_dot,    // bf16_dot(c, a, b): c f32xN, a and b bf16x2N: c[i] + a[2i] b[2i] + a[2i+1] b[2i+1];
               // Target::has_bf16_dot
  i8_dot,      // i8_dot(c, a, b): c i32xN, a u8x4N, b i8x4N: c[i] + the four products;
               // Target::has_i8_dot
  matrix_dot,  // matrix_dot(c, a, b): c f32 [M, N], a bf16 [M, K], b bf16 [K / 2, N, 2]; c[m, n] +
               // (the sum of a[m, k] b[k, n] over even k + that over odd k), both sums from 0 by
               // fma in order of k; the lanes say M, N and K; Target::bf16_matrices
};
inline constexpr Intrinsic kLastIntrinsic = Intrinsic::matrix_dot;
std::string_view name(Intrinsic intrinsic);

// Where a buffer lives: global memory is a kernel's parameter; workgroup memory is shared by the
// lanes of one grid iteration and undefined at its start; registers belong to one lane and are
// indexed by constants after unrolling.
enum class Space : uint8_t { global, workgroup, registers };

// A typed array. Identity is the node's address; the name is for printing. `type.lanes` above 1: an
// array of vectors.
struct BufferNode {
  std::string name;
  Type type;
  Space space = Space::global;
  int64_t size = 0;      // in elements of `type`
  bool written = false;  // of a parameter: the kernel writes it
};
using Buffer = std::shared_ptr<const BufferNode>;
Buffer make_buffer(std::string name, Type type, Space space, int64_t size, bool written = false);

struct ExprNode;
class Expr {
 public:
  Expr() = default;
  Expr(int value);  // NOLINT: an i32 constant, so that `x + 1` reads as it should
  explicit Expr(std::shared_ptr<const ExprNode> node) : node_(std::move(node)) {}
  const ExprNode& operator*() const { return *node_; }
  const ExprNode* operator->() const { return node_.get(); }
  const ExprNode* get() const { return node_.get(); }
  bool defined() const { return node_ != nullptr; }
  bool same_as(const Expr& other) const { return node_ == other.node_; }

 private:
  std::shared_ptr<const ExprNode> node_;
};

// One struct for all kinds; the fields a kind uses are named beside it.
struct ExprNode {
  ExprKind kind;
  Type type;
  UnaryOp unary_op{};     // unary
  BinaryOp binary_op{};   // binary
  Intrinsic intrinsic{};  // call
  int64_t integer = 0;    // constant of an integer or bool; extract: the lane
  double number = 0;      // constant of a float; exactly representable in the dtype
  std::string name;       // variable: for printing; identity is the node's address
  Buffer buffer;          // load
  // unary, cast, broadcast, repeat, extract: {x} (repeat: the lanes of x again and again); binary:
  // {a, b}; select: {condition, then, else}; ramp: {base, stride} (lane i is base + i * stride; of
  // a base of n lanes, base[i % n] + i / n * stride: the places of a matrix's rows);
  // load: {index} or {index, mask} (lanes where the mask is 0 read as 0); call: its arguments. A
  // load's index counts elements of buffer->type. If that is a vector, the index is a scalar and
  // the result that vector; otherwise the result has the index's lanes (a ramp of stride 1 is a
  // contiguous vector load, others gather).
  std::vector<Expr> args;
};

// Builders: check types, broadcast scalars, fold nothing (simplify() does).
Expr constant(Type type, double value);
Expr constant_int(Type type, int64_t value);
inline Expr f32(double value) { return constant({DType::f32, 1}, value); }
Expr variable(std::string name, Type type = {DType::i32, 1});
Expr unary(UnaryOp op, Expr x);
Expr binary(BinaryOp op, Expr a, Expr b);
Expr select(Expr condition, Expr then, Expr otherwise);
Expr cast(DType dtype, Expr x);
Expr broadcast(Expr scalar, int lanes);
Expr repeat(Expr vector, int lanes);           // lanes is a multiple of the vector's
Expr ramp(Expr base, Expr stride, int lanes);  // lanes is a multiple of base's
Expr load(Buffer buffer, Expr index, Expr mask = {});
Expr extract(Expr vector, int lane);
Expr call(Intrinsic intrinsic, std::vector<Expr> args);

Expr operator+(Expr a, Expr b);
Expr operator-(Expr a, Expr b);
Expr operator*(Expr a, Expr b);
Expr operator/(Expr a, Expr b);
Expr operator%(Expr a, Expr b);
Expr operator<(Expr a, Expr b);
Expr operator<=(Expr a, Expr b);
Expr operator==(Expr a, Expr b);
Expr operator&&(Expr a, Expr b);  // of bools: bit_and; both sides are evaluated
Expr min(Expr a, Expr b);
Expr max(Expr a, Expr b);
Expr fma(Expr a, Expr b, Expr c);

// M, N and K of a matrix_dot.
struct MatrixExtents {
  int rows, columns, depth;
};
MatrixExtents extents_of_dot(const std::vector<Expr>& args);

// An index of rows x columns places, `stride` apart from row to row and contiguous in a row.
struct MatrixPlace {
  Expr first, stride;
  int rows, columns;
};
std::optional<MatrixPlace> matrix_place(const Expr& index);
Expr matrix_ramp(const MatrixPlace& place);

bool is_constant(const Expr& e, int64_t value);
// The value of an integer constant, if it is one.
const int64_t* as_int(const Expr& e);

}  // namespace tempera::kernel
