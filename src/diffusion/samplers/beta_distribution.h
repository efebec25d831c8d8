#pragma once

namespace tempera::diffusion {

// The share of Beta(a, b) below x; x within 0..1, a and b above 0.
double beta_cdf(double x, double a, double b);

// The x below which the share p of Beta(a, b) lies (scipy.stats.beta.ppf); p within 0..1.
double beta_quantile(double p, double a, double b);

}  // namespace tempera::diffusion
