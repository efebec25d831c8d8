#pragma once

#include "diffusion/image/image.h"

namespace tempera::diffusion {

// How near a picture is to a reference of the same size; both are symmetric. A CHECK fails for two
// sizes.

// Peak signal-to-noise ratio of all samples of all channels, in decibels against 255; infinity for
// equal pictures.
double psnr(const Image& a, const Image& b);

// Mean structural similarity, at most 1 (equal): Wang, Bovik, Sheikh, Simoncelli 2004, "Image
// quality assessment: from error visibility to structural similarity", on the luma of BT.601, with
// an 11x11 Gaussian window of deviation 1.5 at every place where it lies inside, K1 = 0.01, K2 =
// 0.03 and L = 255. A picture smaller than the window has a window of its own size.
double ssim(const Image& a, const Image& b);

}  // namespace tempera::diffusion
