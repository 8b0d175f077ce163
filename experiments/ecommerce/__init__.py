"""Search, recommendation and behaviour prediction: conf/experiment/ecommerce."""
