"""colocalization"""
