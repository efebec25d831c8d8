#pragma once

#include "lower/group_access.h"
#include "lower/schedules/contraction_space.h"

namespace tempera::lower {

// Packed b of a contraction:
//   [batch][column tile][chunk][tap][channel / pair][column in tile][pair]
// in the tiling's stored dtype, zeros past the last channel and column. Quantised b has its scales
// beside it, f32 [column tile][chunk][tap][channel / block][column in tile].
// They live with the model if b is a weight, else they are temporaries of the program.
//
// These give them as parameters of a kernel.
kernel::Buffer packed_values(GroupAccess& access, const ContractionGeometry& g,
                             const ContractionTiling& t, bool written = false);
kernel::Buffer packed_scales(GroupAccess& access, const ContractionGeometry& g,
                             const ContractionTiling& t, bool written = false);

// Adds the launches that pack b, and the sizes of what they write.
void pack_b(const graph::Group& group, const ContractionGeometry& g, const ContractionTiling& t,
            Program& program);

// The place of channel 0 of a tap in values (and of its first block's scales in scales).
kernel::Expr packed_panel(const ContractionGeometry& g, const ContractionTiling& t,
                          const kernel::Expr& batch, const kernel::Expr& tile,
                          const kernel::Expr& chunk);

// Quantised b: widens one panel into scratch, laid out as a packed panel of the products' dtype.
kernel::Stmt widen_panel(GroupAccess& access, const ContractionGeometry& g,
                         const ContractionTiling& t, const kernel::Expr& panel,
                         const kernel::Buffer& scratch);

}  // namespace tempera::lower
