#include "kernel/interpret_arithmetic.h"

namespace tempera::kernel::interpreter {
namespace {

template <typename T, typename Op, typename Out = T>
void run_binary(State& state, const Instruction& in) {
  const T* a = at<T>(state, in.a);
  const T* b = at<T>(state, in.b);
  Out* out = at<Out>(state, in.out);
  for (int i = 0; i < in.lanes; ++i)
    out[i] = static_cast<Wide<Out>>(Op::template of<Wide<T>>(a[i], b[i]));
}

template <typename Op>
Run number_op(DType dtype) {
  return by_number(dtype, []<typename T>() -> Run { return run_binary<T, Op>; });
}
template <typename Op>
Run integer_op(DType dtype) {
  return by_integer(dtype, []<typename T>() -> Run { return run_binary<T, Op>; });
}
template <typename Op>
Run bits_op(DType dtype) {
  return by_bits(dtype, []<typename T>() -> Run { return run_binary<T, Op>; });
}
template <typename Op>
Run comparison(DType dtype) {
  return by_any(dtype, []<typename T>() -> Run { return run_binary<T, Op, Bool>; });
}

}  // namespace

Run run_of_binary(BinaryOp op, DType dtype) {
  switch (op) {
    case BinaryOp::add:
      return number_op<Add>(dtype);
    case BinaryOp::sub:
      return number_op<Sub>(dtype);
    case BinaryOp::mul:
      return number_op<Mul>(dtype);
    case BinaryOp::div:
      return number_op<Div>(dtype);
    case BinaryOp::mod:
      return integer_op<Mod>(dtype);
    case BinaryOp::min:
      return number_op<Min>(dtype);
    case BinaryOp::max:
      return number_op<Max>(dtype);
    case BinaryOp::bit_and:
      return bits_op<And>(dtype);
    case BinaryOp::bit_or:
      return bits_op<Or>(dtype);
    case BinaryOp::bit_xor:
      return bits_op<Xor>(dtype);
    case BinaryOp::shift_left:
      return integer_op<ShiftLeft>(dtype);
    case BinaryOp::shift_right:
      return integer_op<ShiftRight>(dtype);
    case BinaryOp::lt:
      return comparison<Lt>(dtype);
    case BinaryOp::le:
      return comparison<Le>(dtype);
    case BinaryOp::eq:
      return comparison<Eq>(dtype);
    case BinaryOp::ne:
      return comparison<Ne>(dtype);
  }
  return nullptr;
}

}  // namespace tempera::kernel::interpreter
