#include "kernel/expr.h"

#include <array>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace tempera::kernel {
namespace {

Expr make(ExprNode node) { return Expr(std::make_shared<const ExprNode>(std::move(node))); }

bool is_number(DType dtype) { return dtype != DType::boolean; }

bool fits(DType dtype, int64_t value) {
  switch (dtype) {
    case DType::i32:
      return value >= std::numeric_limits<int32_t>::min() &&
             value <= std::numeric_limits<int32_t>::max();
    case DType::i8:
      return value >= -128 && value <= 127;
    case DType::u8:
      return value >= 0 && value <= 255;
    case DType::boolean:
      return value == 0 || value == 1;
    default:
      return true;
  }
}

double round_to(DType dtype, double value) {
  const auto narrow = static_cast<float>(value);
  switch (dtype) {
    case DType::f32:
      return narrow;
    case DType::f16:
      return f16_to_f32(f32_to_f16(narrow));
    case DType::bf16:
      return bf16_to_f32(f32_to_bf16(narrow));
    default:
      return value;
  }
}

Expr to_lanes(Expr x, int lanes) {
  return x->type.lanes == lanes ? x : broadcast(std::move(x), lanes);
}

// Gives a scalar operand the other's lanes, and a plain int (an i32 constant) the other's integer
// type.
void match(Expr& a, Expr& b) {
  if (a->type.dtype != b->type.dtype) {
    const auto adopt = [](Expr& x, DType dtype) {
      const bool plain = x->kind == ExprKind::constant && x->type == Type{};
      if (plain && is_integer(dtype)) x = constant_int({dtype, 1}, x->integer);
    };
    adopt(a, b->type.dtype);
    adopt(b, a->type.dtype);
  }
  if (a->type.is_scalar()) a = to_lanes(a, b->type.lanes);
  if (b->type.is_scalar()) b = to_lanes(b, a->type.lanes);
}

bool takes(BinaryOp op, DType dtype) {
  switch (op) {
    case BinaryOp::mod:
    case BinaryOp::shift_left:
    case BinaryOp::shift_right:
      return is_integer(dtype);
    case BinaryOp::bit_and:
    case BinaryOp::bit_or:
    case BinaryOp::bit_xor:
      return is_integer(dtype) || dtype == DType::boolean;
    case BinaryOp::eq:
    case BinaryOp::ne:
      return true;
    default:
      return is_number(dtype);
  }
}

struct IntrinsicRow {
  std::string_view name;
  int arity;
};

constexpr std::array<IntrinsicRow, 22> kIntrinsics = {{
    {"fma", 3},        {"sqrt", 1},       {"rsqrt", 1},      {"exp", 1},        {"exp2", 1},
    {"log", 1},        {"sin", 1},        {"cos", 1},        {"tanh", 1},       {"erf", 1},
    {"exp2_bf16", 1},  {"abs", 1},        {"floor", 1},      {"ceil", 1},       {"round", 1},
    {"reduce_add", 1}, {"reduce_max", 1}, {"reduce_min", 1}, {"interleave", 2}, {"bf16_dot", 3},
    {"i8_dot", 3},     {"matrix_dot", 3},
}};

Type dot_type(const std::vector<Expr>& args, Type sum, DType a, DType b, int products) {
  const Type c = args[0]->type;
  CHECK(c.dtype == sum.dtype && args[1]->type == Type({a, products * c.lanes}) &&
            args[2]->type == Type({b, products * c.lanes}),
        "a dot of {}, {} and {}", to_string(c), to_string(args[1]->type), to_string(args[2]->type));
  return c;
}

Type matrix_dot_type(const std::vector<Expr>& args) {
  const Type c = args[0]->type, a = args[1]->type, b = args[2]->type;
  const MatrixExtents m = extents_of_dot(args);
  CHECK(c == Type({DType::f32, m.rows * m.columns}) && a == Type({DType::bf16, m.rows * m.depth}) &&
            b == Type({DType::bf16, m.depth * m.columns}) && m.depth % 2 == 0,
        "a matrix_dot of {}, {} and {}", to_string(c), to_string(a), to_string(b));
  return c;
}

Type call_type(Intrinsic intrinsic, const std::vector<Expr>& args) {
  const Type type = args[0]->type;
  switch (intrinsic) {
    case Intrinsic::reduce_add:
    case Intrinsic::reduce_max:
    case Intrinsic::reduce_min:
      CHECK(is_number(type.dtype) && (type.lanes & (type.lanes - 1)) == 0, "{} of {}",
            name(intrinsic), to_string(type));
      return type.element();
    case Intrinsic::interleave:
      CHECK(args[1]->type == type, "interleave of {} and {}", to_string(type),
            to_string(args[1]->type));
      return type.with_lanes(2 * type.lanes);
    case Intrinsic::bf16_dot:
      return dot_type(args, {DType::f32, 1}, DType::bf16, DType::bf16, 2);
    case Intrinsic::i8_dot:
      return dot_type(args, {DType::i32, 1}, DType::u8, DType::i8, 4);
    case Intrinsic::matrix_dot:
      return matrix_dot_type(args);
    case Intrinsic::abs:
      CHECK(is_number(type.dtype), "abs of {}", to_string(type));
      return type;
    default:
      for (const Expr& arg : args)
        CHECK(is_float(type.dtype) && arg->type == type, "{} of {} and {}", name(intrinsic),
              to_string(type), to_string(arg->type));
      return type;
  }
}

Type load_type(const Buffer& buffer, const Expr& index) {
  CHECK(index->type.dtype == DType::i32, "{} is indexed by {}", buffer->name,
        to_string(index->type));
  if (buffer->type.is_scalar()) return buffer->type.with_lanes(index->type.lanes);
  CHECK(index->type.is_scalar(), "{} of {} is indexed by {}", buffer->name, to_string(buffer->type),
        to_string(index->type));
  return buffer->type;
}

}  // namespace

bool is_comparison(BinaryOp op) { return op >= BinaryOp::lt; }

std::string_view name(Intrinsic intrinsic) {
  return kIntrinsics.at(static_cast<size_t>(intrinsic)).name;
}

Buffer make_buffer(std::string name, Type type, Space space, int64_t size, bool written) {
  CHECK(size >= 0 && type.lanes >= 1, "{}: {} of {}", name, size, to_string(type));
  return std::make_shared<const BufferNode>(
      BufferNode{std::move(name), type, space, size, written});
}

Expr::Expr(int value) : Expr(constant_int({}, value)) {}

Expr constant(Type type, double value) {
  if (!type.is_scalar()) return broadcast(constant(type.element(), value), type.lanes);
  if (!is_float(type.dtype)) {
    CHECK(value == std::floor(value), "{} is no {}", value, to_string(type));
    return constant_int(type, static_cast<int64_t>(value));
  }
  return make({.kind = ExprKind::constant, .type = type, .number = round_to(type.dtype, value)});
}

Expr constant_int(Type type, int64_t value) {
  if (!type.is_scalar()) return broadcast(constant_int(type.element(), value), type.lanes);
  if (is_float(type.dtype)) return constant(type, static_cast<double>(value));
  CHECK(fits(type.dtype, value), "{} does not fit {}", value, to_string(type));
  return make({.kind = ExprKind::constant, .type = type, .integer = value});
}

Expr variable(std::string name, Type type) {
  return make({.kind = ExprKind::variable, .type = type, .name = std::move(name)});
}

Expr unary(UnaryOp op, Expr x) {
  CHECK((op == UnaryOp::logical_not) == (x->type.dtype == DType::boolean), "a unary of {}",
        to_string(x->type));
  const Type type = x->type;
  return make({.kind = ExprKind::unary, .type = type, .unary_op = op, .args = {std::move(x)}});
}

Expr binary(BinaryOp op, Expr a, Expr b) {
  match(a, b);
  CHECK(a->type == b->type && takes(op, a->type.dtype), "binary {} of {} and {}",
        static_cast<int>(op), to_string(a->type), to_string(b->type));
  const Type type{is_comparison(op) ? DType::boolean : a->type.dtype, a->type.lanes};
  return make({.kind = ExprKind::binary,
               .type = type,
               .binary_op = op,
               .args = {std::move(a), std::move(b)}});
}

Expr select(Expr condition, Expr then, Expr otherwise) {
  match(then, otherwise);
  if (then->type.is_scalar()) {
    then = to_lanes(then, condition->type.lanes);
    otherwise = to_lanes(otherwise, condition->type.lanes);
  }
  if (condition->type.is_scalar()) condition = to_lanes(condition, then->type.lanes);
  const Type type = then->type;
  CHECK(condition->type == Type({DType::boolean, type.lanes}) && otherwise->type == type,
        "select of {}, {} and {}", to_string(condition->type), to_string(type),
        to_string(otherwise->type));
  return make({.kind = ExprKind::select,
               .type = type,
               .args = {std::move(condition), std::move(then), std::move(otherwise)}});
}

Expr cast(DType dtype, Expr x) {
  if (x->type.dtype == dtype) return x;
  const Type type{dtype, x->type.lanes};
  return make({.kind = ExprKind::cast, .type = type, .args = {std::move(x)}});
}

Expr broadcast(Expr scalar, int lanes) {
  CHECK(scalar->type.is_scalar() && lanes >= 1, "broadcast of {} to {} lanes",
        to_string(scalar->type), lanes);
  if (lanes == 1) return scalar;
  const Type type = scalar->type.with_lanes(lanes);
  return make({.kind = ExprKind::broadcast, .type = type, .args = {std::move(scalar)}});
}

Expr repeat(Expr vector, int lanes) {
  if (vector->type.is_scalar()) return broadcast(std::move(vector), lanes);
  CHECK(lanes % vector->type.lanes == 0, "{} repeated to {} lanes", to_string(vector->type), lanes);
  if (lanes == vector->type.lanes) return vector;
  const Type type = vector->type.with_lanes(lanes);
  return make({.kind = ExprKind::repeat, .type = type, .args = {std::move(vector)}});
}

Expr ramp(Expr base, Expr stride, int lanes) {
  if (base->type.is_scalar()) match(base, stride);
  CHECK(base->type.element() == stride->type && is_integer(base->type.dtype) && lanes >= 1 &&
            lanes % base->type.lanes == 0,
        "ramp of {} and {} over {} lanes", to_string(base->type), to_string(stride->type), lanes);
  if (lanes == base->type.lanes) return base;
  const Type type = base->type.with_lanes(lanes);
  return make({.kind = ExprKind::ramp, .type = type, .args = {std::move(base), std::move(stride)}});
}

Expr load(Buffer buffer, Expr index, Expr mask) {
  const Type type = load_type(buffer, index);
  std::vector<Expr> args = {std::move(index)};
  if (mask.defined()) {
    if (mask->type.is_scalar()) mask = to_lanes(mask, type.lanes);
    CHECK(mask->type == Type({DType::boolean, type.lanes}), "{}: {} masked by {}", buffer->name,
          to_string(type), to_string(mask->type));
    args.push_back(std::move(mask));
  }
  return make(
      {.kind = ExprKind::load, .type = type, .buffer = std::move(buffer), .args = std::move(args)});
}

Expr extract(Expr vector, int lane) {
  CHECK(lane >= 0 && lane < vector->type.lanes, "lane {} of {}", lane, to_string(vector->type));
  if (vector->type.is_scalar()) return vector;
  const Type type = vector->type.element();
  return make(
      {.kind = ExprKind::extract, .type = type, .integer = lane, .args = {std::move(vector)}});
}

Expr call(Intrinsic intrinsic, std::vector<Expr> args) {
  const IntrinsicRow& row = kIntrinsics.at(static_cast<size_t>(intrinsic));
  CHECK(static_cast<int>(args.size()) == row.arity, "{} takes {} arguments, not {}", row.name,
        row.arity, args.size());
  if (intrinsic == Intrinsic::fma) {
    match(args[0], args[1]);
    match(args[0], args[2]);
    match(args[0], args[1]);
  }
  const Type type = call_type(intrinsic, args);
  return make(
      {.kind = ExprKind::call, .type = type, .intrinsic = intrinsic, .args = std::move(args)});
}

Expr operator+(Expr a, Expr b) { return binary(BinaryOp::add, std::move(a), std::move(b)); }
Expr operator-(Expr a, Expr b) { return binary(BinaryOp::sub, std::move(a), std::move(b)); }
Expr operator*(Expr a, Expr b) { return binary(BinaryOp::mul, std::move(a), std::move(b)); }
Expr operator/(Expr a, Expr b) { return binary(BinaryOp::div, std::move(a), std::move(b)); }
Expr operator%(Expr a, Expr b) { return binary(BinaryOp::mod, std::move(a), std::move(b)); }
Expr operator<(Expr a, Expr b) { return binary(BinaryOp::lt, std::move(a), std::move(b)); }
Expr operator<=(Expr a, Expr b) { return binary(BinaryOp::le, std::move(a), std::move(b)); }
Expr operator==(Expr a, Expr b) { return binary(BinaryOp::eq, std::move(a), std::move(b)); }
Expr operator&&(Expr a, Expr b) {
  CHECK(a->type.dtype == DType::boolean, "&& of {}", to_string(a->type));
  return binary(BinaryOp::bit_and, std::move(a), std::move(b));
}
Expr min(Expr a, Expr b) { return binary(BinaryOp::min, std::move(a), std::move(b)); }
Expr max(Expr a, Expr b) { return binary(BinaryOp::max, std::move(a), std::move(b)); }
Expr fma(Expr a, Expr b, Expr c) {
  return call(Intrinsic::fma, {std::move(a), std::move(b), std::move(c)});
}

// The lanes are M N, M K and K N.
MatrixExtents extents_of_dot(const std::vector<Expr>& args) {
  const double c = args[0]->type.lanes, a = args[1]->type.lanes, b = args[2]->type.lanes;
  const auto side = [](double square) { return static_cast<int>(std::lround(std::sqrt(square))); };
  return {side(c * a / b), side(c * b / a), side(a * b / c)};
}

std::optional<MatrixPlace> matrix_place(const Expr& index) {
  if (index->kind != ExprKind::ramp) return std::nullopt;
  const Expr& row = index->args[0];
  if (row->kind != ExprKind::ramp || !row->args[0]->type.is_scalar() ||
      !is_constant(row->args[1], 1))
    return std::nullopt;
  return MatrixPlace{row->args[0], index->args[1], index->type.lanes / row->type.lanes,
                     row->type.lanes};
}

Expr matrix_ramp(const MatrixPlace& place) {
  return ramp(ramp(place.first, 1, place.columns), place.stride, place.rows * place.columns);
}

const int64_t* as_int(const Expr& e) {
  const bool integer = e->kind == ExprKind::constant && is_integer(e->type.dtype);
  return integer ? &e->integer : nullptr;
}

bool is_constant(const Expr& e, int64_t value) {
  if (e->kind != ExprKind::constant) return false;
  return is_float(e->type.dtype) ? e->number == static_cast<double>(value) : e->integer == value;
}

}  // namespace tempera::kernel
