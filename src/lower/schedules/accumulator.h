#pragma once

#include <string>

#include "kernel/stmt.h"

namespace tempera::lower {

// A register that a loop adds to. `set` and `get` are for one vector (or scalar).
struct Register {
  kernel::Buffer buffer;

  Register(std::string name, kernel::Type type)
      : buffer(kernel::make_buffer(std::move(name), type, kernel::Space::registers, 1)) {}
  kernel::Expr get() const { return kernel::load(buffer, 0); }
  kernel::Stmt set(kernel::Expr value) const { return kernel::store(buffer, 0, std::move(value)); }
  kernel::Type type() const { return buffer->type; }
};

// `body` with the registers living around it.
inline kernel::Stmt with_registers(std::initializer_list<Register> registers, kernel::Stmt body) {
  for (const Register& r : registers) body = kernel::allocate(r.buffer, std::move(body));
  return body;
}

// A sum in two levels, so that rounding grows with the square root of the additions at worst twice
// 64 of them: `add` goes to the lower level, `carry` moves that to the upper one.
struct Sum {
  Register low, high;

  Sum(const std::string& name, kernel::Type type) : low(name + "_low", type), high(name, type) {}
  kernel::Stmt reset() const {
    const kernel::Expr zero = kernel::constant(low.type(), 0);
    return kernel::block({low.set(zero), high.set(zero)});
  }
  kernel::Stmt add(kernel::Expr value) const { return low.set(low.get() + std::move(value)); }
  kernel::Stmt add_square(const kernel::Expr& value) const {
    return low.set(fma(value, value, low.get()));
  }
  kernel::Stmt carry() const {
    return kernel::block(
        {high.set(high.get() + low.get()), low.set(kernel::constant(low.type(), 0))});
  }
  kernel::Expr get() const { return high.get(); }
};

// The sum of a vector's lanes; a scalar as it is.
inline kernel::Expr across_lanes(kernel::Intrinsic intrinsic, kernel::Expr x) {
  return x->type.is_scalar() ? x : kernel::call(intrinsic, {std::move(x)});
}

// `x` where the mask holds (or is not defined), else `otherwise`.
inline kernel::Expr masked(const kernel::Expr& mask, kernel::Expr x, kernel::Expr otherwise) {
  return mask.defined() ? select(mask, std::move(x), std::move(otherwise)) : x;
}

// `x` as a vector of that type, zeros where the mask (if defined) is off.
inline kernel::Expr filled(const kernel::Expr& x, kernel::Type type, const kernel::Expr& mask) {
  kernel::Expr wide = cast(type.dtype, x);
  if (wide->type.is_scalar()) wide = kernel::broadcast(wide, type.lanes);
  return masked(mask, wide, kernel::constant(type, 0));
}

}  // namespace tempera::lower
